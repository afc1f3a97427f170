"""Architectures: what computes. Every network is an ``nn.Module`` that obeys the contract in ``networks.base``."""

from nnbrain.networks.activations import Activation
from nnbrain.networks.aligned import align_modes
from nnbrain.networks.base import evaluating, run
from nnbrain.networks.benna_fusi_synapse import BennaFusiSynapse
from nnbrain.networks.cascade_synapse import BinarySynapse, CascadeSynapse
from nnbrain.networks.complex_synapse import ComplexSynapse
from nnbrain.networks.continuous_hopfield import ContinuousHopfield
from nnbrain.networks.conv_rnn import ConvRNN
from nnbrain.networks.convnet import ConvNet
from nnbrain.networks.dale import DalesLaw, dales_law
from nnbrain.networks.dendritic import Conductances
from nnbrain.networks.dendritic_microcircuit import DendriticMicrocircuit
from nnbrain.networks.ei_rnn import EIRNN, Currents
from nnbrain.networks.fast_weights import FastWeightRNN
from nnbrain.networks.gabor import GaborBank
from nnbrain.networks.gain_field import GainField
from nnbrain.networks.gru import GRU
from nnbrain.networks.hopfield import HopfieldNetwork
from nnbrain.networks.key_value_attention import KeyValueAttention
from nnbrain.networks.linear_associator import LinearAssociator
from nnbrain.networks.low_rank import LowRankRNN
from nnbrain.networks.lstm import LSTM
from nnbrain.networks.mlp import MLP
from nnbrain.networks.modern_hopfield import ModernHopfield
from nnbrain.networks.multi_area import MultiAreaRNN
from nnbrain.networks.multi_head import MultiHeadMLP
from nnbrain.networks.normalization import DivisiveNormalization, LayerNorm
from nnbrain.networks.plasticity import HebbianPlasticity, NeuralPlasticity, PolynomialPlasticity
from nnbrain.networks.predictive_coding import PredictiveCodingNetwork
from nnbrain.networks.predictor import ErrorDrivenRNN
from nnbrain.networks.random_features import RandomFeatures
from nnbrain.networks.rnn import RNN
from nnbrain.networks.selective import SelectiveWeight, train_only
from nnbrain.networks.self_attention import SelfAttention
from nnbrain.networks.short_term_plasticity import ShortTermPlasticity
from nnbrain.networks.sparse import SparseLinear, SparseWeight, mask_weights
from nnbrain.networks.subtractive_lstm import SubtractiveLSTM
from nnbrain.networks.two_compartment import TwoCompartmentNetwork
from nnbrain.networks.unrolling import Unroll

__all__ = [
    "EIRNN",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "Activation",
    "BennaFusiSynapse",
    "BinarySynapse",
    "CascadeSynapse",
    "ComplexSynapse",
    "Conductances",
    "ContinuousHopfield",
    "ConvNet",
    "ConvRNN",
    "Currents",
    "DalesLaw",
    "DendriticMicrocircuit",
    "DivisiveNormalization",
    "ErrorDrivenRNN",
    "FastWeightRNN",
    "GaborBank",
    "GainField",
    "HebbianPlasticity",
    "HopfieldNetwork",
    "KeyValueAttention",
    "LayerNorm",
    "LinearAssociator",
    "LowRankRNN",
    "ModernHopfield",
    "MultiAreaRNN",
    "MultiHeadMLP",
    "NeuralPlasticity",
    "PolynomialPlasticity",
    "PredictiveCodingNetwork",
    "RandomFeatures",
    "SelectiveWeight",
    "SelfAttention",
    "ShortTermPlasticity",
    "SparseLinear",
    "SparseWeight",
    "SubtractiveLSTM",
    "TwoCompartmentNetwork",
    "Unroll",
    "align_modes",
    "dales_law",
    "evaluating",
    "mask_weights",
    "run",
    "train_only",
]
