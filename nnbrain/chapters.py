"""The plan of the primer: its chapters, and which equations and figures of the texts each of them covers.

Everything that lists chapters (notebook 00, the title of each notebook, the index, the README) is generated from here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """A chapter: one notebook.

    Attributes
    ----------
    number : int
        Fixed for ever, so that links never move.
    name : str
        The topic in the file's name.
    title : str
    covers : str
        What it covers, in the words that `nnbrain.pages.places` reads: "Primer, section 2.1, Equations 1-13, Figure 2A".
    teaches : str
        One sentence; empty while the chapter is planned.
    needs : tuple of int
        The chapters to read first.
    minutes : int
        Reading time; 0 while the chapter is planned.
    picture, alt : str
        The figure at its head, by its name in figures/, and what it shows, in words.
    """

    number: int
    name: str
    title: str
    covers: str
    teaches: str = ""
    needs: tuple[int, ...] = (0, 1)
    minutes: int = 0
    picture: str = ""
    alt: str = ""

    @property
    def file(self) -> str:
        """The notebook's file name."""
        return f"{self.number:02d}_{self.name}.ipynb"

    @property
    def heading(self) -> str:
        """Number and title, as they stand at the head of the notebook."""
        return f"{self.number:02d} · {self.title}"


CHAPTERS = (
    Chapter(
        0,
        "start_here",
        "Start here",
        "Primer, section 1, Figure 1; Framework, Figure 1",
        "The map: why neuroscientists use artificial networks, the three things you choose when you make one, and how to "
        "work with these notebooks.",
        needs=(),
        minutes=20,
        picture="primer_fig1",
        alt="Four panels. A pose read from noisy pictures of a stick animal; handwritten digits with the network's answers; the "
        "irregular activity of six units of a random recurrent network; the path of learning downhill on a map of the loss.",
    ),
    Chapter(
        1,
        "multilayer_perceptrons",
        "Multilayer perceptrons",
        "Primer, section 2.1, Equations 1-13, Figure 2A",
        "How a network of simple units learns to read handwriting: the architecture, the loss, gradient descent, and "
        "backpropagation written out by hand.",
        needs=(0,),
        minutes=40,
        picture="hidden_units",
        alt="Left: what learning added to the weights of sixteen hidden units, as images, white where it made ink excite a "
        "unit more and black where it made it inhibit. Right: the mean response of each hidden unit to each of the ten digits; "
        "most units respond to several.",
    ),
    Chapter(
        2,
        "learning_problems",
        "Learning problems",
        "Primer, section 2.2; Framework, Boxes 1 and 3",
        "One network, three kinds of objective: targets, rewards, or nothing but the inputs; what each of them can teach, and how "
        "it shows in the units.",
        needs=(0, 1),
        minutes=40,
        picture="sure_bet",
        alt="Three panels against coherence. A network takes a sure bet less often the stronger the motion, as an ideal observer "
        "does; on trials on which it waives the bet it is more often right than on trials without an offer; and this gain vanishes "
        "in a control whose bets are shuffled.",
    ),
    Chapter(
        3,
        "training_algorithms",
        "Training algorithms",
        "Primer, sections 2.4 and 6, Equations 24-25",
        "How weights find their way down, and what they find: optimizers, first weights and regularization, conclusions that "
        "survive other hyperparameters, and theories that predict what is learned when.",
        needs=(0, 1),
        minutes=40,
        picture="progressive_differentiation",
        alt="Left, the strength of four kinds of modes against the step: simulated dots on exact sigmoid curves, the broadest "
        "distinction first. Middle, hidden activity of eight things in a plane, parting into animals and plants, then into "
        "birds, fish, trees and flowers. Right, what a network says of a canary: it moves, has wings, sings, and for a while has "
        "fins.",
    ),
    Chapter(
        4,
        "convolutional_networks",
        "Convolutional networks",
        "Primer, sections 2.3 and 4, Equations 19-20, 31, Figures 2D, 4A, 4C; Framework, Box 2",
        "Networks that know that images have two dimensions: local and shared weights, what they gain and assume, and how to "
        "find out what a unit responds to.",
        needs=(0, 1),
        minutes=35,
        picture="primer_fig4a",
        alt="A handwritten digit, the sixteen activity maps of the first convolutional layer, in which the digit is still "
        "visible, the thirty-two coarser maps of the second, and bars for the units of the two fully connected layers.",
    ),
    Chapter(
        5,
        "ventral_stream",
        "The ventral stream",
        "Primer, sections 3.1 and 4, Figures 3, 4B",
        "How to compare a network with a brain: dissimilarity matrices, noise ceilings, regression and CKA, on real recordings "
        "and on simulated ones whose truth is known.",
        needs=(0, 1, 4),
        minutes=34,
        picture="primer_fig3",
        alt="Above, the areas of the ventral stream over the layers of a network; a dashed arrow leads from stage 2 to V4 and one "
        "from a hidden layer to IT. Below, how well each layer predicts the neurons of simulated areas V4 and IT.",
    ),
    Chapter(
        6,
        "recurrent_networks",
        "Recurrent networks",
        "Primer, sections 2.3 and 3.2, Equations 14-18, 26-30, Figures 2B, 2C",
        "Networks with a past: backpropagation through time, decisions measured as psychophysics measures them, how context "
        "selects evidence, and learning without backpropagation.",
        needs=(0, 1),
        minutes=40,
        picture="context_states",
        alt="Four panels of trajectories in state space. In the motion context, trials sorted by motion spread along the axis of "
        "choice, while trials sorted by colour move along the axis of colour and hardly along that of choice; in the colour "
        "context the roles are exchanged.",
    ),
    Chapter(
        7,
        "dynamical_systems",
        "Dynamical systems",
        "Primer, sections 4 and 6, Equations 32-34, Figures 6ABC, 6DEFG",
        "What a trained network does, and how it does it: fixed points, line and ring attractors, lesions, demixing, chaos, and "
        "networks whose dynamics you can derive.",
        needs=(0, 1, 6),
        minutes=40,
        picture="flipflop_cube",
        alt="Left, three inputs with brief pulses and three outputs that hold the sign of the last pulse. Right, the fixed points "
        "of the network in the space of its outputs: attractors at the eight corners of a cube, saddles between them.",
    ),
    Chapter(
        8,
        "many_tasks",
        "Many tasks",
        "Primer, section 4, Figure 5",
        "One network for twenty experiments: which of its units take part in which task, what happens without them, and rules that "
        "add up to a task it has never seen.",
        needs=(0, 1, 6, 7),
        minutes=35,
        picture="primer_fig5",
        alt="A matrix of the units of a network, sorted by cluster, and twenty tasks; light blocks are groups of units whose "
        "rates vary in a few related tasks. Beside it, how well units fall into clusters, against the number of clusters.",
    ),
    Chapter(
        9,
        "excitation_and_inhibition",
        "Excitation and inhibition",
        "Primer, section 5.1, Equations 35-36, Figure 7",
        "Networks wired like a brain: sparse, with excitatory and inhibitory neurons, in areas that talk back; what learning makes "
        "of it, compared with a circuit built by hand.",
        needs=(0, 1, 4, 6),
        minutes=40,
        picture="primer_fig7",
        alt="A weight matrix, columns of excitatory units in blue and of inhibitory units in red, sorted by the choice that units "
        "prefer. Two black squares mark excitatory units of the same preference, within which blue is darker than between them; "
        "inhibitory units act more on units of the opposite preference.",
    ),
    Chapter(
        10,
        "normalization_and_attention",
        "Normalization and attention",
        "Primer, sections 2.3 and 5.2, Equations 21-23, 37-42",
        "Two computations that brains and machines share: dividing by a pool, and weighting what matters; and how to tell whether "
        "attention made a network see better or only say yes more often.",
        needs=(0, 1, 4),
        minutes=40,
        picture="normalization",
        alt="Three panels. The response of a unit to contrast, half of its maximum at the semi-saturation for three exponents; the "
        "suppression of a response by a mask, if the mask's orientation is in the pool; and five units, of which the strongest "
        "takes all as the exponent grows.",
    ),
    Chapter(
        11,
        "gating",
        "Gating",
        "Primer, section 5.2, Equation 43, Figures 8ABC, 8D",
        "How networks decide what enters, what stays and what leaves: gates set by hand and learned, what they buy, and how "
        "inhibition and disinhibition could do the same.",
        needs=(0, 1, 6),
        minutes=40,
        picture="primer_fig8d",
        alt="Three gates of an LSTM with one unit over 60 steps. The input gate opens only at memorize pulses, which are red; the "
        "forget gate is open and closes there; the output gate opens only at report pulses, which are blue.",
    ),
    Chapter(
        12,
        "predictive_coding",
        "Predictive coding",
        "Primer, section 5.2",
        "Feedback that predicts, and errors that go up: receptive fields and end-stopping from photographs, surprise and omission, "
        "a preference that reverses, and feedback that learns with a loss of its own.",
        needs=(0, 1, 4, 6),
        minutes=39,
        picture="end_stopping",
        alt="Left, a short and a long bar on the screen, with the window of the module that is recorded. Middle, the response of "
        "error units against the length of the bar: with feedback it falls for bars longer than the window, with feedback cut or "
        "not learned it stays. Right, suppression of each unit by a long bar, with feedback and without.",
    ),
    Chapter(
        13,
        "hebbian_learning",
        "Hebbian learning",
        "Primer, sections 2.2 and 5.3",
        "Synapses that learn without a teacher: principal components, selectivity and the receptive fields of V1 from local rules, "
        "and memories that complete themselves, up to the one that is softmax attention.",
        needs=(0, 1),
        minutes=40,
        picture="sparse_fields",
        alt="Three blocks of small images and four curves. Features learned from photographs by sparse coding are bars and edges; "
        "principal components are gratings and chequerboards that fill the patch; features learned from photographs with "
        "scrambled phases are blurred. Curves: most sparse features are fitted well by a Gabor function, few of the others.",
    ),
    Chapter(
        14,
        "fast_weights",
        "Fast weights",
        "Primer, section 5.3, Equations 45-47",
        "Synapses that change while a network works: what such a memory holds and how similar things blend in it, completing "
        "patterns that were seen twice, and letting gradient descent find the rule of plasticity.",
        needs=(0, 1, 6),
        minutes=34,
        picture="pattern_completion",
        alt="A pattern, its cue with half of the bits missing, and the answers of three networks; wrong bits against how long ago "
        "the pattern was shown, near zero for the plastic network only; its slow weights, a negative diagonal; and the fast "
        "weights of one trial.",
    ),
    Chapter(
        15,
        "short_term_plasticity",
        "Short-term plasticity",
        "Primer, section 5.3, Equations 48-49",
        "Synapses that remember the last second: facilitation and depression, what they let pass, and a working memory in them; "
        "how to tell what a network holds from what it uses.",
        needs=(0, 1, 6),
        minutes=35,
        picture="what_is_used",
        alt="Three kinds of networks, five of each. Left, the sample is decoded nearly perfectly from the synapses of all, and "
        "well above chance from the activity of all. Right, in trials whose synapses and activity remember different samples, "
        "networks trained to match follow their synapses, networks with fast synapses their activity, and networks trained to "
        "match after a rotation mostly their synapses.",
    ),
    Chapter(
        16,
        "continual_learning",
        "Continual learning",
        "Primer, section 5.3, Equation 44",
        "Why a network forgets what it learned first, and what helps: weights that are held as firmly as they matter, rehearsal, "
        "and synapses with hidden variables, whose memory lasts.",
        needs=(0, 1),
        minutes=39,
        picture="memory_traces",
        alt="Left, signal over noise against the age of a memory in 1,000 synapses: fast binary synapses forget within ten steps, "
        "slow ones are faint from the start, a cascade lasts longer, a chain of variables falls along a straight line for more "
        "than a hundred steps, and a leaky sum is the faintest at first and lasts longest. Right, lifetimes against the number of "
        "synapses: in proportion for the leaky sum, nearly so for the chain.",
    ),
    Chapter(
        17,
        "feedback_alignment",
        "Feedback alignment",
        "Primer, section 5.3; Framework, Box 1",
        "How a synapse deep in a network could learn what it did: feedback that is random, or learns, dendrites that keep errors "
        "apart from activity, and traces that carry credit forward in time.",
        needs=(0, 1, 6),
        minutes=40,
        picture="feedback_alignment",
        alt="Three panels against learning step. Left, the error falls to zero with backpropagation and with feedback alignment, "
        "and stays high when only output weights learn. Middle, the angle between forward and feedback weights falls from 90 to "
        "about 45 degrees. Right, so does the angle between the error signals of hidden units and those of backpropagation.",
    ),
    Chapter(
        18,
        "learning_rules_measured",
        "Learning rules, measured",
        "Framework, Box 1, Figures 2, 3",
        "What a rule knows of the gradient: the bias and variance of sixteen learning rules, what noise really costs, and which "
        "rules are the gradient of anything.",
        needs=(1, 17),
        minutes=36,
        picture="framework_fig2",
        alt="Bias against variance of sixteen learning rules before, during and after training. Rules without variance: "
        "backprop and equilibrium propagation are near zero bias, other rules that settle between 0.1 and 0.3; those with "
        "feedback weights that learn fall from 1 to below 0.4, feedback alignment to about 0.7. Rules that draw at random have no "
        "bias; the variance of rules with reward is about 1 to 5, of node perturbation 10 to 30, of weight perturbation 1500.",
    ),
    Chapter(
        19,
        "learning_in_the_hierarchy",
        "Learning in the hierarchy",
        "Framework, Figures 4, 5",
        "Two predictions put to the test in models: where tuning changes when a visual system learns, and what tags and dendrites "
        "should show; and what one would have to record to tell learning rules apart.",
        needs=(0, 1),
        minutes=39,
        picture="framework_fig4",
        alt="Left, a hierarchy from an image by V1, V2, V4 and IT to a decision and a reward. Middle, tuning curves before and "
        "after learning: the flank at the trained orientation gets steeper, most in IT. Right, changes by area: steepness rises "
        "from V1 to IT, but the size of changes and the change of weights are largest in V1.",
    ),
    Chapter(20, "spiking_networks", "Spiking networks", "Primer, section 6"),
    Chapter(21, "bootstrapped_objectives", "Bootstrapped objectives", "Integration, hypothesis 2; Framework, Box 3"),
    Chapter(22, "memory_and_binding", "Memory and binding", "Integration, hypothesis 3"),
    Chapter(23, "many_networks", "Many networks", "Primer, sections 4 and 6"),
)

# What each numbered equation of the Primer says.
EQUATIONS = {
    1: "the first layer is the input",
    2: "a hidden layer",
    3: "the output layer",
    4: "loss of a minibatch",
    5: "gradient descent",
    6: "a single layer",
    7: "its gradient, weight by weight",
    8: "its gradient as an outer product",
    9: "squared error",
    10: "gradient of the squared error",
    11: "the delta rule",
    12: "backpropagation through one layer",
    13: "backpropagation through many layers",
    14: "input current of a recurrent network",
    15: "its activity",
    16: "its readout",
    17: "the same in one line",
    18: "backpropagation through time",
    19: "a layer of neurons in space",
    20: "convolution: weights shared over space",
    21: "layer normalization",
    22: "its mean",
    23: "its standard deviation",
    24: "momentum",
    25: "a step with momentum",
    26: "recurrent network in continuous time",
    27: "its Euler step",
    28: "recurrent network with output feedback",
    29: "its linear readout",
    30: "feedback as a change of rank one",
    31: "preferred stimulus by gradient ascent",
    32: "a dynamical system",
    33: "linearization around a fixed point",
    34: "fixed points by optimization",
    35: "excitatory rates",
    36: "inhibitory rates",
    37: "divisive normalization",
    38: "dictionary lookup",
    39: "weighted sum of values",
    40: "score of a query and a key",
    41: "normalized weights",
    42: "softmax weights",
    43: "a gate of an LSTM",
    44: "soft anchoring of weights",
    45: "fast Hebbian weights",
    46: "the same, weight by weight",
    47: "a plasticity rule that is learned",
    48: "depression: available neurotransmitter",
    49: "facilitation: release probability",
}

# What each figure of the texts shows.
FIGURES = {
    "Primer 1": "reasons for using artificial networks in neuroscience",
    "Primer 2A": "multilayer perceptron",
    "Primer 2B": "recurrent network",
    "Primer 2C": "recurrent network unrolled in time",
    "Primer 2D": "convolutional network",
    "Primer 3": "the visual system beside a convolutional network",
    "Primer 4A": "responses to an image, layer by layer",
    "Primer 4B": "dissimilarity matrices of two layers",
    "Primer 4C": "preferred stimuli",
    "Primer 5": "tuning to 20 cognitive tasks",
    "Primer 6ABC": "a memory for a quantity: trajectories, and a line attractor",
    "Primer 6DEFG": "a memory for a category: the task, selectivity, trajectories",
    "Primer 7": "a network with Dale's law",
    "Primer 8ABC": "a memory task, and a single unit that solves it",
    "Primer 8D": "the gates of that unit",
    "Framework 1": "the three components: objective, learning rule, architecture",
    "Framework 2": "bias and variance of learning rules",
    "Framework 3": "learning rules that follow no gradient",
    "Framework 4": "changes of tuning in a hierarchy that learns",
    "Framework 5": "biological models of credit assignment",
}
