"""Forward values and gradients of single operators by PyTorch in double precision.

Writes gradients-<topic>.golden.json beside this file. Each case names an ONNX operator with its attributes and inputs, the
vector that multiplies the Jacobian, the result and the gradient of every float input that is not fixed. Needs PyTorch and
NumPy; the values in the committed files are those of PyTorch 2.13.

    python gradients.py
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

random = np.random.default_rng(20)
topics: dict[str, list[dict]] = {}


def draw(*shape, low=-1.5, high=1.5):
    """Values of three decimals, which are short to write down."""
    return np.round(random.uniform(low, high, shape), 3).astype(np.float32)


def positive(*shape):
    return draw(*shape, low=0.5, high=2)


def spaced(*shape):
    """No two values and no kink at 0 nearer than 0.1."""
    count = math.prod(shape)
    return ((random.permutation(count) - count // 2) * 0.21 + 0.1).reshape(shape).round(3).astype(np.float32)


def integers(*values, shape=None):
    return np.array(values, np.int64).reshape(shape if shape is not None else (len(values),))


def attribute(value):
    if isinstance(value, str):
        return {"kind": "string", "value": value}
    if isinstance(value, float):
        return {"kind": "float", "value": value}
    if isinstance(value, int):
        return {"kind": "int", "value": value}
    return {"kind": "ints", "value": list(value)}


def plain(array, digits):
    return [float(f"{v:.{digits}g}") for v in np.asarray(array, np.float64).ravel()]


def tensor(array):
    kind = {"f": "float32", "i": "int64", "b": "bool"}[array.dtype.kind]
    values = plain(array, 9) if kind == "float32" else [int(v) for v in array.ravel()]
    return {"dtype": kind, "dims": list(array.shape), "data": values}


def case(topic, op, function, inputs, fixed=(), phase="train", opset=21, outputs=1, **attributes):
    leaves = []
    for i, value in enumerate(inputs):
        if value is not None and value.dtype.kind == "f":
            leaf = torch.tensor(value.astype(np.float64), requires_grad=i not in fixed)
            leaves.append(leaf)
        else:
            leaves.append(None if value is None else torch.tensor(value))
    y = function(*leaves)
    seed = np.round(random.uniform(-1, 1, tuple(y.shape)), 3)
    (y * torch.tensor(seed)).sum().backward()
    gradients = {
        str(i): plain(leaf.grad.numpy(), 9)
        for i, leaf in enumerate(leaves)
        if leaf is not None and leaf.is_floating_point() and leaf.requires_grad
    }
    topics.setdefault(topic, []).append(
        {
            "op": op,
            "opset": opset,
            "mode": phase,
            "attributes": {name: attribute(value) for name, value in attributes.items()},
            "inputs": [None if value is None else tensor(value) for value in inputs],
            "outputs": outputs,
            "seed": plain(seed, 9),
            "y": {"dims": list(y.shape), "data": plain(y.detach().numpy(), 9)},
            "gradients": gradients,
        }
    )


def elementwise():
    t = "elementwise"
    for op, function, x in [
        ("Abs", torch.abs, spaced(3, 4)), ("Exp", torch.exp, draw(3, 4)), ("Log", torch.log, positive(3, 4)),
        ("Sqrt", torch.sqrt, positive(3, 4)), ("Reciprocal", torch.reciprocal, positive(3, 4)),
        ("Erf", torch.erf, draw(3, 4)), ("Neg", torch.neg, draw(3, 4)),
        ("Sin", torch.sin, draw(3, 4)), ("Cos", torch.cos, draw(3, 4)), ("Tan", torch.tan, draw(3, 4, low=-1, high=1)),
        ("Asin", torch.asin, draw(3, 4, low=-0.9, high=0.9)), ("Acos", torch.acos, draw(3, 4, low=-0.9, high=0.9)),
        ("Atan", torch.atan, draw(3, 4)), ("Sinh", torch.sinh, draw(3, 4)), ("Cosh", torch.cosh, draw(3, 4)),
        ("Asinh", torch.asinh, draw(3, 4)), ("Acosh", torch.acosh, draw(3, 4, low=1.5, high=3)),
        ("Atanh", torch.atanh, draw(3, 4, low=-0.9, high=0.9)),
        ("Sign", torch.sign, spaced(3, 4)), ("Floor", torch.floor, spaced(3, 4)), ("Ceil", torch.ceil, spaced(3, 4)),
        ("Round", torch.round, spaced(3, 4)),
    ]:
        case(t, op, function, [x])
    for op, function in [("Add", torch.add), ("Sub", torch.sub), ("Mul", torch.mul), ("Div", torch.div)]:
        case(t, op, function, [draw(2, 1, 3), positive(4, 1)])
    case(t, "Pow", torch.pow, [positive(2, 3), draw(3)])
    case(t, "Pow", lambda x, e: torch.pow(x, e), [draw(2, 3), integers(3, 0, 2)])
    case(t, "Mod", torch.fmod, [spaced(2, 3), np.array([0.7, -0.9, 1.3], np.float32)], fmod=1)
    case(t, "Max", lambda a, b, c: torch.maximum(torch.maximum(a, b), c), [draw(2, 3), draw(3), draw(2, 1)])
    case(t, "Min", lambda a, b, c: torch.minimum(torch.minimum(a, b), c), [draw(2, 3), draw(3), draw(2, 1)])
    case(t, "Sum", lambda a, b, c: a + b + c, [draw(2, 3), draw(3), draw(2, 1)])
    case(t, "Mean", lambda a, b, c: (a + b + c) / 3, [draw(2, 3), draw(3), draw(2, 1)])
    case(t, "Clip", lambda x, a, b: torch.clamp(x, a, b), [spaced(3, 4), np.float32(-0.55), np.float32(0.75)])
    case(t, "Where", torch.where, [np.array([[True], [False]]), draw(2, 3), draw(3)])


def activations():
    t = "activations"
    for op, function, attributes in [
        ("Relu", F.relu, {}), ("LeakyRelu", lambda x: F.leaky_relu(x, 0.2), {"alpha": 0.2}),
        ("Elu", lambda x: F.elu(x, 0.7), {"alpha": 0.7}), ("Selu", F.selu, {}),
        ("Celu", lambda x: F.celu(x, 0.7), {"alpha": 0.7}),
        ("ThresholdedRelu", lambda x: F.threshold(x, 0.6, 0.0), {"alpha": 0.6}),
        ("HardSigmoid", F.hardsigmoid, {"alpha": 1 / 6}), ("HardSwish", F.hardswish, {}),
        ("Mish", F.mish, {}), ("Gelu", F.gelu, {}),
        ("Gelu", lambda x: F.gelu(x, approximate="tanh"), {"approximate": "tanh"}),
        ("Softplus", F.softplus, {}), ("Softsign", F.softsign, {}), ("Sigmoid", torch.sigmoid, {}),
        ("Tanh", torch.tanh, {}), ("Shrink", lambda x: F.softshrink(x, 0.6), {"lambd": 0.6, "bias": 0.6}),
        ("Shrink", lambda x: F.hardshrink(x, 0.6), {"lambd": 0.6}),
    ]:
        case(t, op, function, [spaced(4, 5)], **attributes)
    case(t, "Swish", F.silu, [spaced(4, 5)], opset=24)
    case(t, "Swish", lambda x: x * torch.sigmoid(1.7 * x), [spaced(4, 5)], opset=24, alpha=1.7)
    case(t, "PRelu", lambda x, s: F.prelu(x, s.flatten()), [spaced(2, 3, 2), draw(3, 1)])
    for axis in (-1, 0, 1):
        case(t, "Softmax", lambda x, a=axis: F.softmax(x, a), [draw(2, 3, 4)], axis=axis)
        case(t, "LogSoftmax", lambda x, a=axis: F.log_softmax(x, a), [draw(2, 3, 4)], axis=axis)
    attentions(t)


def attentions(t):
    sdpa = F.scaled_dot_product_attention
    q, k, v = (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3)
    case(t, "Attention", sdpa, [draw(*q), draw(*k), draw(*v)], opset=23)
    case(t, "Attention", lambda q, k, v: sdpa(q, k, v, scale=0.3), [draw(*q), draw(*k), draw(*v)], opset=23, scale=0.3)
    case(t, "Attention", lambda q, k, v, m: sdpa(q, k, v, m), [draw(*q), draw(*k), draw(*v), draw(3, 5)], opset=23)
    mask = random.uniform(size=(2, 1, 3, 5)) < 0.7
    case(t, "Attention", lambda q, k, v, m: sdpa(q, k, v, m), [draw(*q), draw(*k), draw(*v), mask], opset=23)
    square = (1, 2, 4, 3)
    case(t, "Attention", lambda q, k, v: sdpa(q, k, v, is_causal=True), [draw(*square) for _ in "qkv"], opset=23, is_causal=1)
    case(
        t, "Attention", lambda q, k, v: sdpa(q, k, v, enable_gqa=True),
        [draw(1, 4, 3, 2), draw(1, 2, 4, 2), draw(1, 2, 4, 2)], opset=23,
    )

    def flat(q, k, v):
        heads = lambda x: x.unflatten(-1, (2, -1)).transpose(1, 2)
        return sdpa(heads(q), heads(k), heads(v)).transpose(1, 2).flatten(2)

    def places(queries, keys, offset, left=None, right=None):
        distance = torch.arange(keys) - torch.arange(queries).unsqueeze(-1) - offset
        seen = torch.ones_like(distance, dtype=torch.bool)
        if left is not None:
            seen &= -distance <= left
        return seen if right is None else seen & (distance <= right)

    def cached(q, k, v, _mask, past_k, past_v):
        return sdpa(q, torch.cat([past_k, k], 2), torch.cat([past_v, v], 2), places(3, 6, 2, right=0))

    fresh = [draw(1, 2, 3, 2), draw(1, 2, 4, 2), draw(1, 2, 4, 2)]
    case(t, "Attention", cached, [*fresh, None, draw(1, 2, 2, 2), draw(1, 2, 2, 2)], opset=23, is_causal=1)
    case(
        t, "Attention", lambda q, k, v: sdpa(q, k, v, places(4, 4, 0, 2, 1)), [draw(*square) for _ in "qkv"],
        opset=25, left_window_size=2, right_window_size=1,
    )

    def padded(q, k, v, _m, _k, _v, lengths):
        masks = [places(2, 5, n - 2, right=0) & (torch.arange(5) < n) for n in lengths.tolist()]
        return sdpa(q, k, v, torch.stack(masks).unsqueeze(1))

    lengths = [draw(2, 2, 2, 3), draw(2, 2, 5, 3), draw(2, 2, 5, 3), None, None, None, integers(3, 5)]
    case(t, "Attention", padded, lengths, opset=24, is_causal=1)
    case(t, "Attention", flat, [draw(2, 3, 4), draw(2, 4, 4), draw(2, 4, 6)], opset=23, q_num_heads=2, kv_num_heads=2)


def linear():
    t = "linear"
    case(t, "MatMul", torch.matmul, [draw(2, 1, 3, 4), draw(3, 4, 2)])
    case(t, "Gemm", lambda a, b, c: 0.7 * a.T @ b + 1.3 * c, [draw(4, 3), draw(4, 2), draw(2)], alpha=0.7, beta=1.3, transA=1)
    for equation, *shapes in [
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("bqhd,bkhd->bhqk", (2, 3, 2, 2), (2, 2, 2, 2)),
        ("...ij,...jk->...ik", (2, 1, 2, 3), (3, 3, 2)), ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
        ("ijk->j", (2, 3, 2)), ("i,j->ij", (3,), (2,)), ("bhd,hdk->bhk", (2, 2, 3), (2, 3, 2)),
    ]:
        case(t, "Einsum", lambda *xs, e=equation: torch.einsum(e, *xs), [draw(*s) for s in shapes], equation=equation)
    for rank, convolution, back in [
        (1, F.conv1d, F.conv_transpose1d), (2, F.conv2d, F.conv_transpose2d), (3, F.conv3d, F.conv_transpose3d),
    ]:
        size = (4, 3, 3)[:rank]
        for groups, stride, dilation, pad in [(1, 1, 1, 0), (1, 2, 1, 1), (2, 1, 2, 2), (2, 2, 1, 1)]:
            same = dict(group=groups, strides=[stride] * rank, dilations=[dilation] * rank, pads=[pad] * 2 * rank)
            kernel = (2, 3, 2)[:rank]
            if all(s + 2 * pad > (k - 1) * dilation for s, k in zip(size, kernel)):
                case(
                    t, "Conv",
                    lambda x, w, b, c=convolution, g=groups, s=stride, d=dilation, p=pad: c(x, w, b, s, p, d, g),
                    [draw(1, 4, *size), draw(4, 4 // groups, *kernel), draw(4)], **same,
                )
            extra = stride - 1
            case(
                t, "ConvTranspose",
                lambda x, w, b, c=back, g=groups, s=stride, d=dilation, p=pad, e=extra: c(x, w, b, s, p, e, g, d),
                [draw(1, 2, *size), draw(2, 2, *kernel), draw(2 * groups)],
                output_padding=[extra] * rank, **same,
            )


def pooling():
    t = "pooling"
    sizes = {1: (7,), 2: (5, 6), 3: (4, 3, 4)}
    pools = {
        "MaxPool": (F.max_pool1d, F.max_pool2d, F.max_pool3d), "AveragePool": (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    }
    for op, functions in pools.items():
        for rank, function in enumerate(functions, 1):
            for kernel, stride, pad, ceil in [(2, 2, 0, False), (3, 2, 1, False), (2, 1, 0, False), (2, 2, 0, True)]:
                case(
                    t, op,
                    lambda x, f=function, k=kernel, s=stride, p=pad, c=ceil: f(x, k, s, p, ceil_mode=c)
                    if op == "MaxPool" else f(x, k, s, p, c, False),
                    [spaced(1, 2, *sizes[rank])],
                    kernel_shape=[kernel] * rank, strides=[stride] * rank, pads=[pad] * 2 * rank, ceil_mode=int(ceil),
                )
    case(t, "MaxPool", lambda x: F.max_pool2d(x, 2, 1, dilation=2), [spaced(1, 2, 5, 5)], kernel_shape=[2, 2], dilations=[2, 2])
    case(
        t, "AveragePool", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=True), [draw(1, 2, 5, 5)],
        kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1,
    )
    for p in (1, 2, 3):
        case(t, "LpPool", lambda x, p=p: F.lp_pool2d(x, p, 2, 1), [positive(1, 2, 4, 4)], kernel_shape=[2, 2], p=p)
        case(t, "GlobalLpPool", lambda x, p=p: x.abs().pow(p).sum((2, 3), keepdim=True).pow(1 / p), [spaced(2, 2, 2, 3)], p=p)
    case(t, "GlobalMaxPool", lambda x: F.adaptive_max_pool2d(x, 1), [spaced(2, 2, 3, 2)])
    case(t, "GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1), [spaced(2, 2, 3, 2)])


def normalization():
    t = "normalization"
    batch = [draw(4, 3, 2, 2), draw(3), draw(3), draw(3), positive(3)]
    case(t, "BatchNormalization", lambda x, w, b, m, v: F.batch_norm(x, None, None, w, b, True), batch, fixed=(3, 4))
    case(t, "BatchNormalization", lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b), batch, fixed=(3, 4), phase="eval")
    case(t, "LayerNormalization", lambda x, w, b: F.layer_norm(x, (4,), w, b), [draw(2, 3, 4), draw(4), draw(4)])
    case(t, "LayerNormalization", lambda x, w, b: F.layer_norm(x, (3, 4), w, b), [draw(2, 3, 4), draw(3, 4), draw(3, 4)], axis=1)
    case(t, "InstanceNormalization", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), [draw(2, 3, 2, 3), draw(3), draw(3)])
    case(t, "GroupNormalization", lambda x, w, b: F.group_norm(x, 2, w, b), [draw(2, 4, 2, 2), draw(4), draw(4)], num_groups=2)
    case(
        t, "GroupNormalization",
        lambda x, w, b: F.group_norm(x, 2, w.repeat_interleave(2), b.repeat_interleave(2)),
        [draw(2, 4, 3), draw(2), draw(2)], num_groups=2, opset=18,
    )
    case(t, "RMSNormalization", lambda x, w: F.rms_norm(x, (4,), w, 1e-5), [draw(2, 3, 4), draw(4)], opset=23)
    case(t, "RMSNormalization", lambda x, w: F.rms_norm(x, (3, 4), w, 1e-3), [draw(2, 3, 4), draw(3, 4)], opset=23, axis=1, epsilon=1e-3)
    case(t, "LpNormalization", lambda x: F.normalize(x, 2, 1), [draw(2, 3, 2)], axis=1)
    case(t, "LpNormalization", lambda x: F.normalize(x, 1, -1), [spaced(3, 4)], p=1)
    case(t, "LRN", lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 1.2), [draw(2, 5, 2, 2)], size=3, alpha=0.5, bias=1.2)
    moments = lambda x, axes: (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, unbiased=False).sqrt() + 1e-9)
    case(t, "MeanVarianceNormalization", lambda x: moments(x, (0, 2, 3)), [draw(2, 3, 2, 2)])


def reduction():
    t = "reduction"
    for op, function, x in [
        ("ReduceSum", lambda x, a, k: x.sum(a, keepdim=k), draw), ("ReduceMean", lambda x, a, k: x.mean(a, keepdim=k), draw),
        ("ReduceMax", lambda x, a, k: x.amax(a, keepdim=k), spaced), ("ReduceMin", lambda x, a, k: x.amin(a, keepdim=k), spaced),
        ("ReduceL1", lambda x, a, k: x.abs().sum(a, keepdim=k), spaced),
        ("ReduceL2", lambda x, a, k: torch.linalg.vector_norm(x, 2, a, keepdim=k), draw),
        ("ReduceLogSum", lambda x, a, k: x.sum(a, keepdim=k).log(), positive),
        ("ReduceLogSumExp", lambda x, a, k: torch.logsumexp(x, a, keepdim=k), draw),
        ("ReduceSumSquare", lambda x, a, k: x.square().sum(a, keepdim=k), draw),
    ]:
        case(t, op, lambda x, axes, f=function: f(x, (0, 2), True), [x(2, 3, 4), integers(0, 2)], keepdims=1)
        case(t, op, lambda x, axes, f=function: f(x, (1,), False), [x(2, 3, 4), integers(1)], keepdims=0)
    case(t, "ReduceProd", lambda x, axes: x.prod(1), [draw(3, 4), integers(1)], keepdims=0)
    zeros = draw(3, 4) * np.array([[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 0, 1]], np.float32)
    case(t, "ReduceProd", lambda x, axes: x.prod(1, keepdim=True), [zeros, integers(1)])
    case(t, "ReduceL2", lambda x, axes: torch.linalg.vector_norm(x, 2, 1), [zeros * np.float32([[0], [1], [1]]), integers(1)], keepdims=0)
    case(t, "CumSum", lambda x, axis: x.cumsum(1), [draw(2, 4), integers(1, shape=())])
    case(t, "CumSum", lambda x, axis: x.flip(1).cumsum(1).flip(1), [draw(2, 4), integers(1, shape=())], reverse=1)


def layout():
    t = "layout"
    case(t, "Transpose", lambda x: x.permute(2, 0, 1), [draw(2, 3, 4)], perm=[2, 0, 1])
    case(t, "Concat", lambda a, b: torch.cat([a, b], 1), [draw(2, 1), draw(2, 3)], axis=1)
    case(t, "Slice", lambda x, *_: x[1:4, ::2], [draw(5, 4), integers(1, 0), integers(4, 9), integers(0, 1), integers(1, 2)])
    case(t, "Expand", lambda x, s: x.expand(4, 2, 2, 3), [draw(2, 1, 3), integers(4, 2, 2, 3)])
    case(t, "Tile", lambda x, r: x.repeat(2, 3, 1), [draw(2, 1, 3), integers(2, 3, 1)])
    case(t, "Trilu", lambda x, k: torch.triu(x, 1), [draw(2, 3, 4), integers(1, shape=())])
    case(t, "Trilu", lambda x: torch.tril(x), [draw(3, 4)], upper=0)
    case(t, "DepthToSpace", lambda x: F.pixel_shuffle(x, 2), [draw(1, 8, 2, 1)], blocksize=2, mode="CRD")
    for mode, name in [("constant", "constant"), ("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular")]:
        pads = integers(0, 0, 2, 1, 0, 0, 1, 2)
        case(t, "Pad", lambda x, p, n=name: F.pad(x, (1, 2, 2, 1), n), [draw(1, 2, 3, 4), pads], mode=mode)
    resize(t)


def resize(t):
    for mode, sizes in [("linear", (5,)), ("bilinear", (5, 3)), ("bicubic", (5, 3)), ("trilinear", (5, 3, 3))]:
        shape = (1, 2, 3, 4, 2)[: 2 + len(sizes)]
        onnx_mode = "cubic" if mode == "bicubic" else "linear"
        for corners in (False, True):
            case(
                t, "Resize",
                lambda x, _r, _s, _n, m=mode, s=sizes, c=corners: F.interpolate(x, s, mode=m, align_corners=c),
                [draw(*shape), None, None, integers(*shape[:2], *sizes)],
                mode=onnx_mode, coordinate_transformation_mode="align_corners" if corners else "half_pixel",
            )
    for name in ("nearest", "nearest-exact"):
        rule = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if name == "nearest" else {"nearest_mode": "round_prefer_ceil"}
        for sizes in [(4, 8), (5, 3)]:
            case(
                t, "Resize", lambda x, _r, _s, _n, m=name, s=sizes: F.interpolate(x, s, mode=m),
                [draw(1, 2, 2, 4), None, None, integers(1, 2, *sizes)], mode="nearest", **rule,
            )


def indexing():
    t = "indexing"
    case(t, "Gather", lambda x, i: F.embedding(i, x), [draw(4, 3), integers(0, 2, 2, 1, shape=(2, 2))])
    index = integers(0, 2, 1, 1, 0, 1, 2, 1, shape=(2, 4))
    case(t, "GatherElements", lambda x, i: torch.gather(x, 0, i), [draw(3, 4), index])
    pairs = integers(0, 1, 2, 3, 0, 1, shape=(3, 2))
    case(t, "GatherND", lambda x, i: x[i[:, 0], i[:, 1]], [draw(3, 4, 2), pairs])
    case(t, "GatherND", lambda x, i: torch.stack([x[0, i[0, 0]], x[1, i[1, 0]]]), [draw(2, 3, 2), integers(2, 0, shape=(2, 1))], batch_dims=1)
    unique = integers(0, 2, 1, 1, 0, 2, shape=(2, 3))
    case(t, "ScatterElements", lambda x, i, u: x.scatter(1, i, u), [draw(2, 4), unique, draw(2, 3)], axis=1)
    case(t, "ScatterElements", lambda x, i, u: x.scatter_add(0, i, u), [draw(3, 4), index, draw(2, 4)], reduction="add")
    case(t, "ScatterND", lambda x, i, u: x.index_put((i[:, 0],), u), [draw(3, 4), integers(0, 2, shape=(2, 1)), draw(2, 4)])
    case(
        t, "ScatterND", lambda x, i, u: x.index_put((i[:, 0], i[:, 1]), u, accumulate=True),
        [draw(3, 4), pairs, draw(3)], reduction="add",
    )
    case(t, "TopK", lambda x, k: x.topk(2, 1).values, [spaced(3, 5), integers(2)], outputs=2, axis=1)
    case(t, "TopK", lambda x, k: x.topk(2, 0, largest=False).values, [spaced(4, 2), integers(2)], outputs=2, axis=0, largest=0)


    for padding in ("zeros", "border", "reflection"):
        for mode in ("linear", "nearest"):
            name = "bilinear" if mode == "linear" else mode
            for corners in (0, 1):
                case(
                    t, "GridSample",
                    lambda x, g, n=name, p=padding, c=corners: F.grid_sample(x, g, n, p, bool(c)),
                    [draw(1, 2, 3, 4), draw(1, 2, 3, 2)], opset=20, mode=mode, padding_mode=padding, align_corners=corners,
                )
    case(t, "GridSample", lambda x, g: F.grid_sample(x, g, align_corners=False), [draw(1, 2, 2, 3, 2), draw(1, 1, 2, 3, 3)], opset=20)


def quantization():
    """QuantizeLinear then DequantizeLinear, as PyTorch's fake quantisation with a learned scale (LSQ).

    No zero point is negative: PyTorch 2.13 rounds those in the scale's gradient by adding a half and cutting, -20 to -19.
    """
    cases = []
    for name, low, high, zero in [("int8", -128, 127, 0), ("uint8", 0, 255, 100), ("int8", -128, 127, 20)]:
        x = torch.tensor(draw(4, 6, low=-4, high=4), requires_grad=True)
        scale = torch.tensor([0.021], requires_grad=True)
        point = torch.tensor([float(zero)], requires_grad=True)
        y = torch._fake_quantize_learnable_per_tensor_affine(x, scale, point, low, high, 1.0)
        cases.append(quantized(name, None, x, scale, [zero], y))
    x = torch.tensor(draw(3, 4, low=-4, high=4), requires_grad=True)
    scale = torch.tensor([0.02, 0.013, 0.04], requires_grad=True)
    point = torch.tensor([0.0, 10.0, 30.0], requires_grad=True)
    y = torch._fake_quantize_learnable_per_channel_affine(x, scale, point, 0, -128, 127, 1.0)
    cases.append(quantized("int8", 0, x, scale, [0, 10, 30], y))
    # Blocks of two elements along the last axis are channels of their own, the last one of a row half empty.
    x = torch.tensor(draw(2, 5, low=-4, high=4), requires_grad=True)
    scale = torch.tensor(np.round(random.uniform(0.01, 0.04, (2, 3)), 3).astype(np.float32), requires_grad=True)
    rows = F.pad(x, (0, 1)).reshape(6, 2)
    y = torch._fake_quantize_learnable_per_channel_affine(rows, scale.flatten(), torch.zeros(6), 0, -128, 127, 1.0)
    cases.append(quantized("int8", 1, x, scale, [0] * 6, y.reshape(2, 6)[:, :5], block=2))
    topics["quantization"] = cases


def quantized(name, axis, x, scale, zeros, y, block=0):
    seed = torch.tensor(np.round(random.uniform(-1, 1, tuple(y.shape)), 3).astype(np.float32))
    (y * seed).sum().backward()
    return {
        "dtype": name, "axis": axis, "block": block, "x": tensor(x.detach().numpy()),
        "scale": tensor(scale.detach().numpy()) if axis is not None else tensor(scale.detach().numpy().reshape(())), "zeros": zeros,
        "seed": plain(seed.numpy(), 9), "y": plain(y.detach().numpy(), 9),
        "gradients": {"x": plain(x.grad.numpy(), 9), "scale": plain(scale.grad.numpy(), 9)},
    }


for write in (elementwise, activations, linear, pooling, normalization, reduction, layout, indexing, quantization):
    # Each topic draws anew, so that a case more does not change the other files.
    random = np.random.default_rng(20)
    write()
for topic, cases in topics.items():
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    pathlib.Path(__file__).with_name(f"gradients-{topic}.golden.json").write_text(f"[\n{lines}\n]\n")
    print(topic, len(cases))
