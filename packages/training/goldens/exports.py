"""Real exports: small fresh networks as torch.onnx writes them, and what one step of SGD in double precision makes of them.

    pip install torch onnx onnxscript numpy
    python exports.py            # writes exports/*.onnx and exports.golden.json

A fresh network is the hard case: layers are copies of one another, biases 0, scales 1, and the exporter stores equal values once.
"""
import copy
import json
import pathlib
import warnings

import onnx
import torch
from torch import nn

warnings.filterwarnings('ignore')
torch.manual_seed(7)
here = pathlib.Path(__file__).parent
folder = here / 'exports'
folder.mkdir(exist_ok=True)


def flat(tensor):
    return [float(f'{v:.9g}') for v in tensor.detach().reshape(-1).tolist()]


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(1, 8, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, 8) * 0.3)
        self.positions = nn.Parameter(torch.randn(1, 5, 8) * 0.3)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, 'gelu', batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.encoder(x))[:, 0])


class LayerScale(nn.Module):
    """A ConvNeXt block: depthwise, LayerNorm over channels, two dense layers, a scale, and the block's input."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 2, 2)
        self.depth = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.norm = nn.LayerNorm(6)
        self.up, self.down = nn.Linear(6, 12), nn.Linear(12, 6)
        self.gamma = nn.Parameter(torch.full((6,), 0.1))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(nn.functional.gelu(self.up(y)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *[copy.deepcopy(block) for _ in range(3)])
        self.groups = nn.GroupNorm(2, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.groups(self.body(x)).mean((2, 3)))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Tied(nn.Module):
    """Token ids; the embedding is also the output projection, and two towers are one."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.tower = nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6))

    def forward(self, x):
        e = self.embed(x)
        a, b = self.tower(e[:, 0]), self.tower(e[:, 1:].mean(1))
        return (a * b) @ self.embed.weight.T


class Window(nn.Module):
    """Swin's attention: a table of relative positions read by fixed indices, and a mask of the shifted windows."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out, self.head = nn.Linear(6, 18), nn.Linear(6, 6), nn.Linear(6, 3)
        self.table = nn.Parameter(torch.randn(9, 2) * 0.5)
        places = torch.stack(torch.meshgrid(torch.arange(2), torch.arange(2), indexing='ij')).flatten(1)
        relative = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0) + 1
        self.register_buffer('index', relative[:, :, 0] * 3 + relative[:, :, 1])
        mask = torch.zeros(4, 4)
        mask[:2, 2:] = mask[2:, :2] = -100.0
        self.register_buffer('mask', mask)

    def forward(self, x):
        n = x.shape[0]
        q, k, v = self.qkv(x).reshape(n, 4, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q * 3**-0.5) @ k.transpose(-2, -1)
        scores = scores + self.table[self.index.view(-1)].view(4, 4, 2).permute(2, 0, 1)[None] + self.mask
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, 4, 6)
        return self.head(self.out(y).mean(1))


def bare(path):
    """Without the exporter's notes about this machine; the modules that nodes belong to stay."""
    model = onnx.load(path)
    entries = [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]
    for entry in [*entries, *model.graph.input, *model.graph.output]:
        kept = [e for e in entry.metadata_props if e.key == 'pkg.torch.onnx.name_scopes']
        del entry.metadata_props[:]
        entry.metadata_props.extend(kept)
        entry.ClearField('doc_string')
    onnx.save(model, path)


def attended(net):
    """A bias that is not 0: the newer exporter drops zeros, and what is not in the file cannot be trained."""
    for m in net.modules():
        if isinstance(m, nn.MultiheadAttention):
            nn.init.constant_(m.out_proj.bias, 0.1)
    return net


# Where folding turns a parameter into another constant (a table that is looked up, an embedding that is transposed,
# BatchNormalization inside a convolution) the file no longer holds the parameter.
unfolded = {'tied': ['ts17raw'], 'window': ['ts17raw'], 'norms': ['ts13', 'ts17', 'ts17raw']}

cases = {
    'encoder': (Encoder, (5, 8)),
    'vit': (Vit, (1, 8, 8)),
    'layer-scale': (LayerScale, (1, 8, 8)),
    'norms': (Norms, (1, 6, 6)),
    'lstm': (Lstm, (6, 4)),
    'tied': (Tied, (4,)),
    'window': (Window, (4, 6)),
}
rows, rate = 4, 0.2
golden = {'rows': rows, 'learningRate': rate, 'cases': {}}
for name, (make, shape) in cases.items():
    base = attended(make())
    ids = name == 'tied'
    x = torch.randint(0, 9, (rows, *shape)) if ids else torch.randn(rows, *shape)
    for suffix, options in {
        'ts13': dict(dynamo=False, opset_version=13),
        'ts17': dict(dynamo=False, opset_version=17),
        'ts17raw': dict(dynamo=False, opset_version=17, do_constant_folding=False),
        'dyn18': dict(dynamo=True, opset_version=18),
    }.items():
        if suffix not in unfolded.get(name, [suffix]):
            continue
        net = copy.deepcopy(base).eval()
        training = torch.onnx.TrainingMode.PRESERVE
        path = folder / f'{name}.{suffix}.onnx'
        try:
            if options['dynamo']:
                torch.onnx.export(net, (x,), path, input_names=['x'], dynamic_shapes=({0: 'n'},), external_data=False, verbose=False, **options)
            else:
                torch.onnx.export(net, (x,), path, input_names=['x'], dynamic_axes={'x': {0: 'n'}}, training=training, **options)
        except Exception as e:  # an exporter's limit is not ours
            print(name, suffix, 'not exported:', str(e).splitlines()[0][:120])
            continue
        bare(path)
    net = copy.deepcopy(base).double().eval()
    d = x if ids else x.double()
    y = net(d)
    target = torch.randn(y.shape, dtype=torch.float64)
    before = y.detach()
    loss = ((y - target) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            if p.grad is not None:
                p -= rate * p.grad
    golden['cases'][name] = {
        'shape': list(shape),
        'x': flat(x),
        'targets': flat(target),
        'parameters': sum(p.numel() for p in net.parameters()),
        'before': flat(before),
        'after': flat(net(d)),
    }
    print(name, sum(p.numel() for p in net.parameters()))
(here / 'exports.golden.json').write_text(json.dumps(golden))
