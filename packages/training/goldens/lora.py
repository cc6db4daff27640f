"""Networks as torch.onnx writes them, and what one step of SGD on low-rank adapters (arXiv:2106.09685) makes of them in double
precision: y = x (W + (alpha / rank) * B A)^T with A and B as parameters, W and all else frozen.

    pip install torch onnx onnxscript numpy
    python lora.py               # writes lora/*.onnx and lora.golden.json
"""
import copy
import json
import pathlib
import warnings

import onnx
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

warnings.filterwarnings('ignore')
torch.manual_seed(23)
here = pathlib.Path(__file__).parent
folder = here / 'lora'
folder.mkdir(exist_ok=True)


def flat(tensor):
    return [float(f'{v:.9g}') for v in tensor.detach().reshape(-1).tolist()]


class Attention(nn.Module):
    """One encoder layer: dense layers with bias over positions, and two products with bare matrices, on the right and on the left."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.norm = nn.LayerNorm(8)
        self.up = nn.Parameter(torch.randn(8, 12) * 0.3)
        self.down = nn.Linear(12, 8)
        self.mix = nn.Parameter(torch.randn(5, 5) * 0.3)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        n, t, _ = x.shape
        heads = lambda y: y.reshape(n, t, 2, 4).transpose(1, 2)
        scores = heads(self.q(x)) @ heads(self.k(x)).transpose(-2, -1) / 2
        x = x + self.out((scores.softmax(-1) @ heads(self.v(x))).transpose(1, 2).reshape(n, t, 8))
        x = self.norm(self.mix @ x)
        x = x + self.down(nn.functional.gelu(x @ self.up))
        return self.head(x.mean(1))


class Separable(nn.Module):
    """A dense 3x3 convolution, a depthwise one, one in two groups, a pointwise one, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.depth = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6, bias=False)
        self.pairs = nn.Conv2d(6, 4, (3, 2), groups=2)
        self.point = nn.Conv2d(4, 8, 1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = nn.functional.silu(self.stem(x))
        x = nn.functional.silu(self.pairs(self.depth(x)))
        return self.head(torch.tanh(self.point(x)).mean((2, 3)))


rows, rate, rank, alpha = 6, 0.5, 2, 3.0
cases = {
    'attention': dict(
        net=Attention(), x=torch.randn(rows, 5, 8), adapted=['q.weight', 'v.weight', 'up', 'down.weight', 'mix', 'head.weight']
    ),
    'separable': dict(
        net=Separable(),
        x=torch.randn(rows, 3, 8, 8),
        adapted=['stem.weight', 'depth.weight', 'pairs.weight', 'point.weight', 'head.weight'],
    ),
}


def bare(path):
    """Without the exporter's notes about this machine."""
    model = onnx.load(path)
    entries = [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]
    for entry in [*entries, *model.graph.input, *model.graph.output]:
        del entry.metadata_props[:]
        entry.ClearField('doc_string')
    onnx.save(model, path)


def factors(name, weight):
    """A and B of a matrix [out, in], or of a kernel [out, in / groups, ...window]. `up` is stored as [in, out]."""
    outside, *inside = weight.T.shape if name == 'up' else weight.shape
    ones = [1] * (len(inside) - 1)
    return [
        torch.randn(rank, *inside, dtype=torch.float32).double() * 0.4,
        torch.randn(outside, rank, *ones, dtype=torch.float32).double() * 0.4,
    ]


def change(name, weight, a, b):
    product = b.reshape(-1, rank) @ a.reshape(rank, -1) * (alpha / rank)
    return product.T if name == 'up' else product.reshape(weight.shape)


golden = {'rows': rows, 'learningRate': rate, 'rank': rank, 'alpha': alpha, 'cases': {}}
for case, c in cases.items():
    for suffix, options in {
        'ts17': dict(dynamo=False, opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False),
        'dyn18': dict(dynamo=True, opset_version=18, external_data=False, verbose=False),
    }.items():
        path = folder / f'{case}.{suffix}.onnx'
        if options['dynamo']:
            options['dynamic_shapes'] = ({0: 'n'},)
        else:
            options['dynamic_axes'] = {'x': {0: 'n'}, 'y': {0: 'n'}}
        net = copy.deepcopy(c['net']).eval()
        torch.onnx.export(net, (c['x'],), path, input_names=['x'], output_names=['y'], **options)
        bare(path)
    net = copy.deepcopy(c['net']).double().eval()
    x = c['x'].double()
    classes = torch.randint(0, 3, (rows,))
    weights = {name: value.detach() for name, value in net.named_parameters()}
    adapters = {name: factors(name, weights[name]) for name in c['adapted']}
    for pair in adapters.values():
        for factor in pair:
            factor.requires_grad_(True)

    def run():
        changed = {name: weights[name] + change(name, weights[name], *adapters[name]) for name in adapters}
        return functional_call(net, {**weights, **changed}, (x,))

    start = {name: [factor.detach().clone() for factor in pair] for name, pair in adapters.items()}
    before = run()
    loss = cross_entropy(before, classes)
    loss.backward()
    with torch.no_grad():
        for pair in adapters.values():
            for factor in pair:
                factor -= rate * factor.grad
    after = run()
    golden['cases'][case] = {
        'shape': list(x.shape[1:]),
        'x': flat(x),
        'classes': classes.tolist(),
        'loss': loss.item(),
        'given': flat(net(x)),
        'before': flat(before),
        'after': flat(after),
        'adapters': {
            name: {
                'a': {'shape': list(a.shape), 'before': flat(start[name][0]), 'after': flat(a)},
                'b': {'shape': list(b.shape), 'before': flat(start[name][1]), 'after': flat(b)},
                'merged': flat(weights[name] + change(name, weights[name], a, b)),
            }
            for name, (a, b) in adapters.items()
        },
    }
    print(case, sum(f.numel() for pair in adapters.values() for f in pair))
(here / 'lora.golden.json').write_text(json.dumps(golden))
