"""
Exports networks with random weights to ONNX, and halves their channels with Torch-Pruning.

usage: pruning-peer.py FOLDER [NAME ...]; writes FOLDER/NAME.onnx and FOLDER/peer.json: for each network the MACs before and after
Torch-Pruning at a ratio of one half in every layer, or the error with which it stopped.
"""
import json
import os
import sys

import torch
import torchvision.models as tv
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """A block of the CIFAR ResNets; the shortcut of a wider stage is sliced and padded (He et al. 2015, option A)."""

    def __init__(self, n_in, n_out, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.pad = (n_out - n_in) // 2 if n_out != n_in and option == "A" else 0
        self.stride = stride
        self.down = nn.Sequential()
        if n_out != n_in and option == "B":
            self.down = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + self.down(x))


class CifarResNet(nn.Module):
    def __init__(self, depth=56, option="B"):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        layers, width = [], 16
        for stage, out in enumerate([16, 32, 64]):
            for i in range((depth - 2) // 6):
                layers.append(BasicBlock(width, out, 2 if stage > 0 and i == 0 else 1, option))
                width = out
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layers(F.relu(self.bn(self.conv(x))))
        return self.fc(x.mean((2, 3)))


def vit():
    return tv.VisionTransformer(64, 8, 4, 4, 128, 512, num_classes=10)


def vgg():
    """VGG-11 with two dense layers that are not most of the file."""
    net = tv.vgg11_bn()
    net.avgpool = nn.Identity()
    net.classifier = nn.Sequential(nn.Linear(512 * 4, 128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 10))
    return net


NETWORKS = {
    "vgg11_bn": (vgg, 64),
    "resnet18": (lambda: tv.resnet18(), 64),
    "resnet50": (lambda: tv.resnet50(), 64),
    "resnet56_b": (lambda: CifarResNet(56, "B"), 32),
    "resnet56_a": (lambda: CifarResNet(56, "A"), 32),
    "densenet121": (lambda: tv.densenet121(), 64),
    "googlenet": (lambda: tv.googlenet(init_weights=False, aux_logits=False), 64),
    "squeezenet1_1": (lambda: tv.squeezenet1_1(), 64),
    "resnext50": (lambda: tv.resnext50_32x4d(), 64),
    "regnet_x_400mf": (lambda: tv.regnet_x_400mf(), 64),
    "regnet_y_400mf": (lambda: tv.regnet_y_400mf(), 64),
    "mobilenet_v2": (lambda: tv.mobilenet_v2(), 64),
    "mobilenet_v3_small": (lambda: tv.mobilenet_v3_small(), 64),
    "mnasnet0_5": (lambda: tv.mnasnet0_5(), 64),
    "shufflenet_v2_x1_0": (lambda: tv.shufflenet_v2_x1_0(), 64),
    "efficientnet_b0": (lambda: tv.efficientnet_b0(), 64),
    "convnext_tiny": (lambda: tv.convnext_tiny(), 64),
    "vit": (vit, 64),
    "vit_b_16": (lambda: tv.vit_b_16(image_size=64), 64),
    "swin_t": (lambda: tv.swin_t(), 64),
    "inception_v3": (lambda: tv.inception_v3(init_weights=False, aux_logits=False), 96),
    "fcn_resnet50": (lambda: tv.segmentation.fcn_resnet50(weights=None, weights_backbone=None), 64),
    "deeplabv3_mobilenet": (lambda: tv.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None), 64),
}


def export(model, x, path):
    torch.onnx.export(model, (x,), path, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})


def peer(model, x):
    import torch_pruning as tp

    before, _ = tp.utils.count_ops_and_params(model, x)
    heads = {}
    last = None
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            heads[module] = module.num_heads
        if isinstance(module, (nn.Linear, nn.Conv2d)) and getattr(module, "out_features", getattr(module, "out_channels", 0)) in (1000, 10, 21):
            last = module
    pruner = tp.pruner.MagnitudePruner(model, x, importance=tp.importance.MagnitudeImportance(p=2), pruning_ratio=0.5, ignored_layers=[last], num_heads=heads)
    pruner.step()
    after, _ = tp.utils.count_ops_and_params(model, x)
    model(x)
    return {"before": before, "after": after}


def randomised(model):
    """Normalisations that are not the identity, and no weight that is zero everywhere, behind which any error would be hidden."""
    for parameter in model.parameters():
        if parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    os.makedirs(folder, exist_ok=True)
    listed = os.path.join(folder, "peer.json")
    results = json.load(open(listed)) if os.path.exists(listed) else {}
    torch.set_num_threads(1)
    for name in names:
        make, size = NETWORKS[name]
        torch.manual_seed(1)
        model = randomised(make())
        x = torch.randn(1, 3, size, size)
        path = os.path.join(folder, name + ".onnx")
        try:
            if not os.path.exists(path):
                export(model, x, path)
        except Exception as error:
            print(name, "is not exported:", str(error).splitlines()[-1], file=sys.stderr)
            continue
        try:
            results[name] = peer(model, x)
        except Exception as error:  # what the peer cannot prune is a result too
            results[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(name, results[name], flush=True)
        with open(listed, "w") as file:
            json.dump(results, file, indent=1)


main()
