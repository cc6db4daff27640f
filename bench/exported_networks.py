"""Networks of torchvision, timm and transformers for the training benchmark, with random weights.

    python exported_networks.py NAME BATCH FILE     writes the network as an ONNX file for that many rows

`build(name, batch)` gives the module, its input as `{"dtype", "shape", "below"}` and the loss. Dropout and stochastic depth are off: both sides
take the same step. BatchNormalization learns and uses the statistics of the batch.
"""
import os
import sys
import warnings

os.environ.setdefault('HF_HUB_OFFLINE', '1')
warnings.filterwarnings('ignore')

import torch
from torch import nn

CLASSES = 10


def torchvision_network(name, size):
    import torchvision

    return getattr(torchvision.models, name)(weights=None, num_classes=CLASSES), [3, size, size]


def timm_network(name):
    import timm

    net = timm.create_model(name, pretrained=False, exportable=True, num_classes=CLASSES)
    return net, list(net.default_cfg['input_size'])


class Answer(nn.Module):
    """The logits of a transformers model, from its one input."""

    def __init__(self, net, argument):
        super().__init__()
        self.net, self.argument = net, argument

    def forward(self, x):
        return self.net(**{self.argument: x}).logits


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(32, 128, batch_first=True)
        self.head = nn.Linear(128, CLASSES)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def unit(i, o, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class Bottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a, self.b = unit(channels, channels), unit(channels, channels)

    def forward(self, x):
        return x + self.b(self.a(x))


class Split(nn.Module):
    """Half of the channels goes through a bottleneck, and all parts are joined."""

    def __init__(self, i, o):
        super().__init__()
        self.into, self.block, self.out = unit(i, o, 1), Bottleneck(o // 2), unit(o + o // 2, o, 1)

    def forward(self, x):
        a, b = self.into(x).chunk(2, 1)
        return self.out(torch.cat([a, b, self.block(b)], 1))


class Yolo(nn.Module):
    """A detector of the YOLO family: split stages, pooled pyramid, two scales joined top-down, boxes and scores for each cell."""

    def __init__(self, width=16, per_cell=4 + 1 + CLASSES):
        super().__init__()
        w = width
        self.stem = unit(3, w, 3, 2)
        self.s2 = nn.Sequential(unit(w, 2 * w, 3, 2), Split(2 * w, 2 * w))
        self.s3 = nn.Sequential(unit(2 * w, 4 * w, 3, 2), Split(4 * w, 4 * w))
        self.s4 = nn.Sequential(unit(4 * w, 8 * w, 3, 2), Split(8 * w, 8 * w))
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.joined, self.top = unit(32 * w, 8 * w, 1), Split(12 * w, 4 * w)
        self.heads = nn.ModuleList([nn.Conv2d(4 * w, per_cell, 1), nn.Conv2d(8 * w, per_cell, 1)])

    def forward(self, x):
        c3 = self.s3(self.s2(self.stem(x)))
        c4 = self.s4(c3)
        p1 = self.pool(c4)
        p2 = self.pool(p1)
        p4 = self.joined(torch.cat([c4, p1, p2, self.pool(p2)], 1))
        p3 = self.top(torch.cat([nn.functional.interpolate(p4, scale_factor=2.0, mode='nearest'), c3], 1))
        return torch.cat([head(p).flatten(2) for head, p in zip(self.heads, (p3, p4))], 2)


def bert():
    import transformers as hf

    config = hf.BertConfig(vocab_size=1000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024,
                           max_position_embeddings=128, num_labels=CLASSES)
    return Answer(hf.BertForSequenceClassification(config), 'input_ids')


def whisper():
    import transformers as hf

    config = hf.WhisperConfig(vocab_size=100, d_model=256, encoder_layers=4, encoder_attention_heads=4, encoder_ffn_dim=1024,
                              decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=64, num_mel_bins=80, max_source_positions=200,
                              num_labels=CLASSES, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    return Answer(hf.WhisperForAudioClassification(config), 'input_features')


def network(name):
    """-> module, shape of one sample, how many token ids there are (None for numbers)"""
    if name in ('vit_tiny_patch16_224', 'mobilevit_xs'):
        return *timm_network(name), None
    if name == 'lstm':
        return LastStep(), [50, 32], None
    if name == 'yolo':
        return Yolo(), [3, 160, 160], None
    if name == 'bert':
        return bert(), [64], 1000
    if name == 'whisper':
        return whisper(), [80, 400], None
    return *torchvision_network(name, 224 if name == 'swin_t' else 64), None


def build(name, batch):
    torch.manual_seed(1)
    module, shape, below = network(name)
    module.train()
    for part in module.modules():
        if 'Drop' in type(part).__name__ or 'StochasticDepth' in type(part).__name__:
            part.eval()
            part.p = 0.0
        # Attention and recurrent layers hold the share of values that they drop as a number.
        for held in ('dropout', 'dropout_prob', 'attention_dropout', 'activation_dropout', 'layerdrop', 'dropout_p'):
            if isinstance(getattr(part, held, None), float):
                setattr(part, held, 0.0)
    return module, {'dtype': 'int64' if below else 'float32', 'shape': [batch, *shape], 'below': below}


def sample(described):
    if described['below']:
        return torch.randint(described['below'], described['shape'])
    return torch.randn(described['shape'])


if __name__ == '__main__':
    name, batch, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    module, described = build(name, batch)
    torch.backends.mha.set_fastpath_enabled(False)
    # As it is in use, with its BatchNormalization kept apart from the convolutions.
    module.eval()
    # Folding would look up Swin's table of relative positions once and for all: the file would have other parameters.
    fold = name != 'swin_t'
    torch.onnx.export(module, (sample(described),), file, dynamo=False, opset_version=17, input_names=['x'], output_names=['y'],
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=fold, dynamic_axes={'x': {0: 'batch'}})
