"""Gradients of recurrent layers by PyTorch in double precision: python recurrent.py > recurrent.golden.json

PyTorch stacks the gates of an LSTM as i, f, g, o and those of a GRU as r, z, n; ONNX as i, o, f, c and z, r, h. Weights are
written, and gradients read, in ONNX's order and layout: W [directions, gates * hidden, features], B beside each other.
"""
import json
import sys

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

ORDER = {'RNN': [0], 'GRU': [1, 0, 2], 'LSTM': [0, 3, 1, 2]}


def flat(tensor):
    return [float(f'{v:.9g}') for v in tensor.detach().reshape(-1).tolist()]


def stack(op, named, hidden):
    """W, R, B in ONNX's form from a function of PyTorch's parameter names, by direction."""
    blocks = lambda value: torch.cat([value.split(hidden)[k] for k in ORDER[op]])
    w, r, b = [], [], []
    for suffix in ('', '_reverse'):
        if named(f'weight_ih_l0{suffix}') is None:
            continue
        w.append(blocks(named(f'weight_ih_l0{suffix}')))
        r.append(blocks(named(f'weight_hh_l0{suffix}')))
        b.append(torch.cat([blocks(named(f'bias_ih_l0{suffix}')), blocks(named(f'bias_hh_l0{suffix}'))]))
    return torch.stack(w), torch.stack(r), torch.stack(b)


def case(op, seed, bidirectional=False, lengths=None, nonlinearity=None, states=True):
    steps, batch, features, hidden = 6, 3, 4, 5
    torch.manual_seed(seed)
    extra = {'nonlinearity': nonlinearity} if nonlinearity else {}
    net = getattr(torch.nn, op)(features, hidden, bidirectional=bidirectional, dtype=torch.float64, **extra)
    directions = 2 if bidirectional else 1
    inputs = {'x': torch.randn(steps, batch, features)}
    if states:
        inputs['h0'] = torch.randn(directions, batch, hidden)
        if op == 'LSTM':
            inputs['c0'] = torch.randn(directions, batch, hidden)
    # What float32 can hold, so that both sides start from the same numbers.
    inputs = {k: v.float().double().requires_grad_() for k, v in inputs.items()}
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.float().double())
    initial = None
    if states:
        initial = (inputs['h0'], inputs['c0']) if op == 'LSTM' else inputs['h0']
    x = inputs['x']
    if lengths:
        x = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    y, last = net(x, initial)
    if lengths:
        y, _ = pad_packed_sequence(y, total_length=steps)
    y = y.reshape(steps, batch, directions, hidden).permute(0, 2, 1, 3)
    outputs = {'Y': y, 'Y_h': last[0] if op == 'LSTM' else last}
    if op == 'LSTM':
        outputs['Y_c'] = last[1]
    seeds = {k: torch.randn(v.shape).double().float().double() for k, v in outputs.items()}
    sum((seeds[k] * v).sum() for k, v in outputs.items()).backward()
    named = dict(net.named_parameters())
    w, r, b = stack(op, lambda k: named.get(k), hidden)
    dw, dr, db = stack(op, lambda k: named[k].grad if k in named else None, hidden)
    tensors = lambda pairs: {k: {'dims': list(v.shape), 'data': flat(v)} for k, v in pairs.items()}
    return {
        'op': op,
        'direction': 'bidirectional' if bidirectional else 'forward',
        'hidden': hidden,
        'activation': nonlinearity,
        'lengths': lengths,
        'inputs': tensors({**inputs, 'W': w, 'R': r, 'B': b}),
        'outputs': tensors(outputs),
        'seeds': tensors(seeds),
        'gradients': tensors({**{k: v.grad for k, v in inputs.items()}, 'W': dw, 'R': dr, 'B': db}),
    }


cases = [
    case('RNN', 1),
    case('RNN', 2, nonlinearity='relu'),
    case('RNN', 3, bidirectional=True, lengths=[4, 6, 1]),
    case('GRU', 4),
    case('GRU', 5, bidirectional=True, lengths=[4, 6, 1]),
    case('GRU', 6, states=False),
    case('LSTM', 7),
    case('LSTM', 8, bidirectional=True, lengths=[4, 6, 1]),
    case('LSTM', 9, states=False),
]
json.dump({'torch': torch.__version__.split('+')[0], 'cases': cases}, sys.stdout)
sys.stdout.write('\n')
