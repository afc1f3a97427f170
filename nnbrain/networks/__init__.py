"""Architectures: what computes. Every network is an ``nn.Module`` that obeys the contract in ``networks.base``."""

from nnbrain.networks.activations import Activation
from nnbrain.networks.base import evaluating, run
from nnbrain.networks.convnet import ConvNet
from nnbrain.networks.gabor import GaborBank
from nnbrain.networks.gain_field import GainField
from nnbrain.networks.gru import GRU
from nnbrain.networks.key_value_attention import KeyValueAttention
from nnbrain.networks.low_rank import LowRankRNN
from nnbrain.networks.lstm import LSTM
from nnbrain.networks.mlp import MLP
from nnbrain.networks.normalization import DivisiveNormalization, LayerNorm
from nnbrain.networks.predictive_coding import PredictiveCodingNetwork
from nnbrain.networks.predictor import ErrorDrivenRNN
from nnbrain.networks.rnn import RNN
from nnbrain.networks.self_attention import SelfAttention
from nnbrain.networks.subtractive_lstm import SubtractiveLSTM
from nnbrain.networks.unrolling import Unroll

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "Activation",
    "ConvNet",
    "DivisiveNormalization",
    "ErrorDrivenRNN",
    "GaborBank",
    "GainField",
    "KeyValueAttention",
    "LayerNorm",
    "LowRankRNN",
    "PredictiveCodingNetwork",
    "SelfAttention",
    "SubtractiveLSTM",
    "Unroll",
    "evaluating",
    "run",
]
