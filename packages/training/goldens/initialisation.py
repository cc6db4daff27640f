"""How PyTorch's modules start, and what torch.nn.init draws: deviation and largest value of each weight and bias.

    pip install torch
    python initialisation.py     # writes initialisation.golden.json
"""
import json
import pathlib

import torch
from torch import nn

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def figures(tensor):
    values = tensor.detach()
    return {
        'elements': values.numel(),
        'deviation': float(f'{values.pow(2).mean().sqrt().item():.6g}'),
        'largest': float(f'{values.abs().max().item():.6g}'),
    }


conv = nn.Conv2d(24, 48, (3, 5))
depthwise = nn.Conv2d(600, 600, 3, groups=600)
grouped = nn.Conv1d(32, 64, 7, groups=4)
transposed = nn.ConvTranspose2d(32, 48, 4, stride=2)
dense = nn.Linear(96, 160)
gru, lstm, rnn = nn.GRU(40, 64), nn.LSTM(40, 64), nn.RNN(40, 64)
table = nn.Embedding(300, 40)

# ONNX's operator, the dimensions of its weight, and the module that PyTorch has for it.
modules = {
    'conv': ({'op': 'Conv', 'dims': [48, 24, 3, 5]}, conv),
    'depthwise': ({'op': 'Conv', 'dims': [600, 1, 3, 3], 'group': 600}, depthwise),
    'grouped': ({'op': 'Conv', 'dims': [64, 8, 7], 'group': 4}, grouped),
    'transposed': ({'op': 'ConvTranspose', 'dims': [32, 48, 4, 4], 'strides': [2, 2]}, transposed),
    'dense': ({'op': 'Gemm', 'dims': [160, 96], 'transB': True}, dense),
    'product': ({'op': 'MatMul', 'dims': [96, 160]}, dense),
    'gru': ({'op': 'GRU', 'dims': [1, 192, 40]}, gru),
    'gru recurrence': ({'op': 'GRU', 'dims': [1, 192, 64]}, gru),
    'lstm': ({'op': 'LSTM', 'dims': [1, 256, 40]}, lstm),
    'lstm recurrence': ({'op': 'LSTM', 'dims': [1, 256, 64]}, lstm),
    'rnn': ({'op': 'RNN', 'dims': [1, 64, 40]}, rnn),
    'embedding': ({'op': 'Gather', 'dims': [300, 40]}, table),
}


def own(name, module):
    """Weight and bias as the module itself starts them."""
    if isinstance(module, nn.RNNBase):
        weight = module.weight_hh_l0 if name.endswith('recurrence') else module.weight_ih_l0
        return {'weight': figures(weight), 'bias': figures(torch.cat([module.bias_ih_l0, module.bias_hh_l0]))}
    bias = getattr(module, 'bias', None)
    return {'weight': figures(module.weight), **({} if bias is None else {'bias': figures(bias)})}


rules = {
    'he-normal': lambda w: nn.init.kaiming_normal_(w),
    'he-uniform': lambda w: nn.init.kaiming_uniform_(w),
    'glorot-normal': lambda w: nn.init.xavier_normal_(w),
    'glorot-uniform': lambda w: nn.init.xavier_uniform_(w),
    'lecun-normal': lambda w: nn.init.kaiming_normal_(w, nonlinearity='linear'),
    'truncated-normal': lambda w: nn.init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04),
}
# torch.nn.init does not know of groups and turns transposed convolutions around; the layers here mean the same to both.
plain = {'conv': conv.weight, 'dense': dense.weight, 'product': dense.weight}
plain |= {'gru': gru.weight_ih_l0, 'gru recurrence': gru.weight_hh_l0}

golden = {
    'torch': torch.__version__,
    'layers': {name: layer for name, (layer, _) in modules.items()},
    'pytorch': {name: own(name, module) for name, (_, module) in modules.items()},
    **{rule: {name: figures(draw(torch.empty_like(w))) for name, w in plain.items()} for rule, draw in rules.items()},
}
target = pathlib.Path(__file__).with_name('initialisation.golden.json')
target.write_text(json.dumps(golden, indent=2) + '\n')
