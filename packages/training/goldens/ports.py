"""Networks of several inputs and outputs as torch.onnx writes them, and what one step of SGD in double precision makes of them.

    pip install torch onnx onnxscript numpy
    python ports.py              # writes ports/*.onnx and ports.golden.json
"""
import copy
import json
import pathlib
import warnings

import onnx
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

warnings.filterwarnings('ignore')
torch.manual_seed(11)
here = pathlib.Path(__file__).parent
folder = here / 'ports'
folder.mkdir(exist_ok=True)


def flat(tensor):
    return [float(f'{v:.9g}') for v in tensor.detach().reshape(-1).tolist()]


class Bert(nn.Module):
    """Token ids, which of them count, and which sentence they belong to; what is padded takes no part in attention."""

    def __init__(self):
        super().__init__()
        self.words, self.kinds = nn.Embedding(11, 8), nn.Embedding(2, 8)
        self.positions = nn.Parameter(torch.randn(1, 6, 8) * 0.3)
        self.norm = nn.LayerNorm(8)
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, input_ids, attention_mask, token_type_ids):
        n, t = input_ids.shape
        x = self.norm(self.words(input_ids) + self.kinds(token_type_ids) + self.positions)
        heads = lambda y: y.reshape(n, t, 2, 4).transpose(1, 2)
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -1e4
        scores = heads(self.q(x)) @ heads(self.k(x)).transpose(-2, -1) / 2 + bias
        x = x + self.out((scores.softmax(-1) @ heads(self.v(x))).transpose(1, 2).reshape(n, t, 8))
        x = x + self.down(nn.functional.gelu(self.up(x)))
        return x, self.head(x[:, 0])


class Towers(nn.Module):
    """Two inputs of other shapes; a score, and the kind of what is on the right, which ends in a Softmax."""

    def __init__(self):
        super().__init__()
        self.left = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6))
        self.right = nn.Sequential(nn.Conv1d(3, 6, 3, padding=1), nn.ReLU())
        self.kind = nn.Linear(6, 4)

    def forward(self, left, right):
        a, b = self.left(left), self.right(right).mean(2)
        return (a * b).sum(1, keepdim=True), self.kind(b).softmax(1)


class Stepper(nn.Module):
    """One step of a recurrent network: samples, the state before, whether to negate, and a factor; the state after is an output."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(4, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, x, state, flip, factor):
        h = self.cell(x * factor.to(x.dtype), state[0])
        y = self.head(h)
        return torch.where(flip, -y, y), h[None]


rows, rate = 4, 0.2
mask = torch.ones(rows, 6, dtype=torch.int64)
mask[1, 4:] = mask[2, 2:] = 0
cases = {
    'bert': dict(
        net=Bert(),
        inputs=dict(
            input_ids=torch.randint(0, 11, (rows, 6)),
            attention_mask=mask,
            token_type_ids=torch.randint(0, 2, (rows, 6)),
        ),
        outputs=['hidden', 'logits'],
        classes=torch.randint(0, 3, (rows,)),
        loss=lambda out, c: cross_entropy(out[1], c['classes']),
    ),
    'towers': dict(
        net=Towers(),
        inputs=dict(left=torch.randn(rows, 5), right=torch.randn(rows, 3, 7)),
        outputs=['score', 'kind'],
        classes=torch.randint(0, 4, (rows,)),
        targets=torch.randn(rows, 1),
        loss=lambda out, c: 0.7 * mse_loss(out[0], c['targets'].to(out[0].dtype))
        + 0.3 * nn.functional.nll_loss(out[1].log(), c['classes']),
    ),
    'stepper': dict(
        net=Stepper(),
        inputs=dict(
            x=torch.randn(rows, 4), state=torch.full((1, rows, 5), 0.5), flip=torch.tensor(True), factor=torch.tensor(3)
        ),
        outputs=['y', 'state_after'],
        batch={'state': 1, 'flip': None, 'factor': None},
        targets=torch.randn(rows, 2),
        loss=lambda out, c: mse_loss(out[0], c['targets'].to(out[0].dtype)),
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


golden = {'rows': rows, 'learningRate': rate, 'cases': {}}
for name, c in cases.items():
    names, values = list(c['inputs']), tuple(c['inputs'].values())
    axis = {n: c.get('batch', {}).get(n, 0) for n in names}
    for suffix, options in {
        'ts17': dict(dynamo=False, opset_version=17, training=torch.onnx.TrainingMode.PRESERVE),
        'dyn18': dict(dynamo=True, opset_version=18, external_data=False, verbose=False),
    }.items():
        net = copy.deepcopy(c['net']).eval()
        path = folder / f'{name}.{suffix}.onnx'
        sizes = {n: {a: 'n'} for n, a in axis.items() if a is not None}
        if options['dynamo']:
            options['dynamic_shapes'] = tuple(sizes.get(n) for n in names)
        else:
            options['dynamic_axes'] = {**sizes, **{o: {0: 'n'} for o in c['outputs']}}
        torch.onnx.export(net, values, path, input_names=names, output_names=c['outputs'], **options)
        bare(path)
    net = copy.deepcopy(c['net']).double().eval()
    doubles = [v.double() if v.dtype == torch.float32 else v for v in values]
    before = [o.detach() for o in net(*doubles)]
    loss = c['loss'](net(*doubles), c)
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            if p.grad is not None:
                p -= rate * p.grad
    after = net(*doubles)
    golden['cases'][name] = {
        'inputs': {n: {'shape': list(v.shape), 'values': flat(v.double())} for n, v in c['inputs'].items()},
        **({'classes': c['classes'].tolist()} if 'classes' in c else {}),
        **({'targets': flat(c['targets'])} if 'targets' in c else {}),
        'loss': loss.item(),
        'moved': sum(p.numel() for p in net.parameters() if p.grad is not None),
        'before': {o: flat(v) for o, v in zip(c['outputs'], before)},
        'after': {o: flat(v) for o, v in zip(c['outputs'], after)},
    }
    print(name, golden['cases'][name]['moved'])
(here / 'ports.golden.json').write_text(json.dumps(golden))
