"""Architectures: what computes. Every network is an ``nn.Module`` that obeys the contract in ``networks.base``."""

from nnbrain.networks.activations import Activation
from nnbrain.networks.base import evaluating, run
from nnbrain.networks.convnet import ConvNet
from nnbrain.networks.gabor import GaborBank
from nnbrain.networks.mlp import MLP

__all__ = ["MLP", "Activation", "ConvNet", "GaborBank", "evaluating", "run"]
