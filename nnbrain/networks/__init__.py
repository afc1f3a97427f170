"""Architectures: what computes. Every network is an ``nn.Module`` that obeys the contract in ``networks.base``."""

from nnbrain.networks.activations import Activation
from nnbrain.networks.base import evaluating, run
from nnbrain.networks.convnet import ConvNet
from nnbrain.networks.gabor import GaborBank
from nnbrain.networks.low_rank import LowRankRNN
from nnbrain.networks.mlp import MLP
from nnbrain.networks.rnn import RNN
from nnbrain.networks.unrolling import Unroll

__all__ = ["MLP", "RNN", "Activation", "ConvNet", "GaborBank", "LowRankRNN", "Unroll", "evaluating", "run"]
