"""Reference values of one step of either network of a DCGAN with batch normalisation, in double precision.

Run `python packages/training/goldens/gan.py` (torch) to write gan.golden.json beside this file; the test reads that file.
The networks are those of the architectures `dcgan-generator` and `dcgan-discriminator` (arXiv:1511.06434) for images of
32x32 and two features, with other weights. Real and generated images are judged in batches of their own. The running
statistics are those of one pass: of the real images for the discriminator, of the generator's own step for the generator.
They take the population variance, as the operator BatchNormalization has it and PyTorch's layer does not.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
random = torch.Generator().manual_seed(11)

BATCH, NOISE, SIZE, FEATURES = 4, 6, 32, 2
EPSILON, MOMENTUM, SLOPE = 1e-5, 0.9, 0.2


def draw(*shape, low=-1.0, high=1.0):
    # Steps of 1/256: the same in single precision, and short in the file.
    values = torch.rand(*shape, generator=random) * (high - low) + low
    return (values * 256).round() / 256


def normalization(name, channels):
    parameters = {f"{name}.scale": draw(channels, low=0.5, high=1.5), f"{name}.shift": draw(channels, low=-0.5, high=0.5)}
    running = {f"{name}.mean": draw(channels), f"{name}.variance": draw(channels, low=0.5, high=2)}
    return parameters, running


def generator_values():
    parameters, running = {}, {}
    channels, kernels = [NOISE, 4 * FEATURES, 2 * FEATURES, FEATURES], ["project", "up1", "up2"]
    for name, before, after in zip(kernels, channels, channels[1:]):
        parameters[f"{name}.conv.weight"] = draw(before, after, 4, 4, low=-0.5, high=0.5)
        more = normalization(f"{name}.bn", after)
        parameters |= more[0]
        running |= more[1]
    parameters["image.conv.weight"] = draw(FEATURES, 1, 4, 4, low=-0.5, high=0.5)
    return parameters, running


def discriminator_values():
    parameters, running = {"down1.conv.weight": draw(FEATURES, 1, 4, 4, low=-0.5, high=0.5)}, {}
    channels = [FEATURES, 2 * FEATURES, 4 * FEATURES]
    for name, before, after in zip(["down2", "down3"], channels, channels[1:]):
        parameters[f"{name}.conv.weight"] = draw(after, before, 4, 4, low=-0.5, high=0.5)
        more = normalization(f"{name}.bn", after)
        parameters |= more[0]
        running |= more[1]
    parameters["output.weight"] = draw(1, channels[-1], 4, 4, low=-0.25, high=0.25)
    return parameters, running


def normalized(x, name, parameters, running, follow):
    """Training form; the running statistics move in `follow`."""
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    for stem, value in (("mean", mean), ("variance", variance)):
        before = running[f"{name}.{stem}"]
        follow[f"{name}.{stem}"] = MOMENTUM * before + (1 - MOMENTUM) * value.detach()
    return F.batch_norm(
        x, None, None, parameters[f"{name}.scale"], parameters[f"{name}.shift"], training=True, eps=EPSILON
    )


def generate(noise, parameters, running, follow):
    x = noise.reshape(*noise.shape, 1, 1)
    for name, stride, padding in (("project", 1, 0), ("up1", 2, 1), ("up2", 2, 1)):
        x = F.conv_transpose2d(x, parameters[f"{name}.conv.weight"], stride=stride, padding=padding)
        x = F.relu(normalized(x, f"{name}.bn", parameters, running, follow))
    return torch.tanh(F.conv_transpose2d(x, parameters["image.conv.weight"], stride=2, padding=1))


def judge(x, parameters, running, follow):
    x = F.leaky_relu(F.conv2d(x, parameters["down1.conv.weight"], stride=2, padding=1), SLOPE)
    for name in ("down2", "down3"):
        x = F.conv2d(x, parameters[f"{name}.conv.weight"], stride=2, padding=1)
        x = F.leaky_relu(normalized(x, f"{name}.bn", parameters, running, follow), SLOPE)
    return F.conv2d(x, parameters["output.weight"]).flatten(1)


def discriminator_loss(kind, real, fake):
    if kind == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    entropy = F.binary_cross_entropy_with_logits
    return entropy(real, torch.ones_like(real)) + entropy(fake, torch.zeros_like(fake))


def generator_loss(kind, fake):
    if kind == "hinge":
        return -fake.mean()
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def numbers(tensor):
    return [float(f"{v:.9g}") for v in tensor.detach().reshape(-1).tolist()]


def stored(values):
    return {name: {"dims": list(v.shape), "values": numbers(v)} for name, v in values.items()}


def side(loss, fake_logits, parameters, follow):
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    return {
        "loss": float(loss.detach()),
        "logits": numbers(fake_logits),
        "gradients": {name: numbers(g) for name, g in zip(parameters, gradients)},
        "running": {name: numbers(v) for name, v in follow.items()},
    }


def main():
    noise, real = draw(BATCH, NOISE, low=-2, high=2), draw(BATCH, 1, SIZE, SIZE)
    (g, g_running), (d, d_running) = generator_values(), discriminator_values()
    for p in [*g.values(), *d.values()]:
        p.requires_grad_(True)
    cases = []
    for kind in ("non-saturating", "hinge"):
        follow, unused = {}, {}
        on_real = judge(real, d, d_running, follow)
        on_fake = judge(generate(noise, g, g_running, unused).detach(), d, d_running, unused)
        discriminator = side(discriminator_loss(kind, on_real, on_fake), on_fake, d, follow)
        follow = {}
        judged = judge(generate(noise, g, g_running, follow), d, d_running, unused)
        cases.append(
            {"kind": kind, "discriminator": discriminator, "generator": side(generator_loss(kind, judged), judged, g, follow)}
        )
    golden = {
        "torch": torch.__version__.split("+")[0],
        "size": SIZE,
        "features": FEATURES,
        "noise": {"dims": list(noise.shape), "values": numbers(noise)},
        "real": {"dims": list(real.shape), "values": numbers(real)},
        "generator": stored(g | g_running),
        "discriminator": stored(d | d_running),
        "cases": cases,
    }
    path = pathlib.Path(__file__).with_suffix(".golden.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
