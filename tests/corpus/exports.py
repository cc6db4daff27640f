"""Writes models as other people's tools export them, with random weights, and an input for each.

    python exports.py OUT [NAME ...]

OUT gets NAME.onnx and NAME.npz (the inputs, by name; texts are in NAME.strings.json); what is there already is kept, so that a run that was cut goes on.
One line a model says what was made, or why not. Ends with 1 when a model could not be made. Versions: requirements.txt.
"""
import json
import os
import sys
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")

import numpy as np
import onnx
import onnx.version_converter
import torch

torch.set_num_threads(1)
# The fused path has no export.
torch.backends.mha.set_fastpath_enabled(False)
MODELS = {}


def model(*names):
    """Registers a function that writes one of `names` to a path and returns its inputs."""

    def register(make):
        for name in names:
            MODELS[name] = make
        return make

    return register


def seeded(name):
    torch.manual_seed(sum(map(ord, name)))
    np.random.seed(sum(map(ord, name)) % 2**31)


def export(module, args, path, dynamo=False, opset=17, dynamic=None, names=None, **more):
    module = module.eval()
    names = names or [f"input{i}" for i in range(len(args))]
    with torch.no_grad():
        if dynamo:
            program = torch.onnx.export(module, args, dynamo=True, input_names=names, verbose=False, **more)
            program.save(str(path))
        else:
            torch.onnx.export(
                module, args, str(path), dynamo=False, opset_version=opset, input_names=names, dynamic_axes=dynamic, **more
            )
    return {n: a.detach().numpy() for n, a in zip(names, args)}


# ---- torchvision, timm

TORCHVISION = {
    "tv_convnext_tiny": ("convnext_tiny", 64), "tv_densenet121": ("densenet121", 64), "tv_efficientnet_b0": ("efficientnet_b0", 64),
    "tv_googlenet": ("googlenet", 64), "tv_mobilenet_v2": ("mobilenet_v2", 64), "tv_mobilenet_v3_small": ("mobilenet_v3_small", 64),
    "tv_regnet_y_400mf": ("regnet_y_400mf", 64), "tv_resnet18": ("resnet18", 64), "tv_shufflenet_v2_x0_5": ("shufflenet_v2_x0_5", 64),
    "tv_squeezenet1_1": ("squeezenet1_1", 64), "tv_swin_t": ("swin_t", 64),
    "dyn_efficientnet_b0": ("efficientnet_b0", 64), "dyn_mobilenet_v3_small": ("mobilenet_v3_small", 64), "dyn_resnet18": ("resnet18", 64),
    "dyn_shufflenet_v2_x0_5": ("shufflenet_v2_x0_5", 64), "dyn_swin_t": ("swin_t", 64),
}


@model(*TORCHVISION)
def torchvision_model(name, path):
    import torchvision

    function, size = TORCHVISION[name]
    more = {"init_weights": False} if function == "googlenet" else {}
    net = getattr(torchvision.models, function)(weights=None, **more)
    batch = 2 if function == "googlenet" else 1
    return export(
        net, (torch.randn(batch, 3, size, size),), path, dynamo=name.startswith("dyn_"), names=["x"],
        dynamic=None if name.startswith("dyn_") else {"x": {0: "batch"}},
    )


@model("tv_deeplabv3_mobilenet")
def deeplab(name, path):
    import torchvision

    class Out(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(
                weights=None, weights_backbone=None, num_classes=5)

        def forward(self, x):
            return self.net(x)["out"]

    return export(Out(), (torch.randn(1, 3, 64, 64),), path, names=["x"])


TIMM = {
    "timm_vit_tiny_patch16_224": "vit_tiny_patch16_224", "dyn_vit_tiny": "vit_tiny_patch16_224", "timm_mixer_s32_224": "mixer_s32_224",
    "timm_mobilevit_xs": "mobilevit_xs", "timm_ghostnet_100": "ghostnet_100", "timm_tf_efficientnetv2_b0": "tf_efficientnetv2_b0",
    "timm_coatnet_pico_rw_224": "coatnet_pico_rw_224", "timm_efficientformer_l1": "efficientformer_l1",
}


@model(*TIMM)
def timm_model(name, path):
    import timm

    net = timm.create_model(TIMM[name], pretrained=False, exportable=True)
    small = name in ("timm_ghostnet_100", "timm_tf_efficientnetv2_b0")
    x = torch.randn(1, 3, *((64, 64) if small else net.default_cfg["input_size"][1:]))
    return export(net, (x,), path, dynamo=name.startswith("dyn_"), names=["x"])


# ---- transformers

SMALL = dict(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=64)


class Picked(torch.nn.Module):
    """The tensors of a transformers model's answer that are asked for."""

    def __init__(self, net, names, outputs):
        super().__init__()
        self.net, self.names, self.outputs = net, names, outputs

    def forward(self, *args):
        answer = self.net(**dict(zip(self.names, args)), return_dict=True)
        return tuple(answer[o] for o in self.outputs)


def ids(n=12, batch=2):
    return torch.randint(1, 99, (batch, n))


@model("hf_bert", "hf_bert_dynamo", "hf_bert_sdpa", "hf_distilbert", "hf_gpt2", "hf_llama", "hf_llama_dynamo", "hf_t5_encoder",
       "hf_clip", "hf_whisper_encoder")
def transformers_model(name, path):
    import transformers as hf

    dynamo = name.endswith("_dynamo")
    kind = name[3:].removesuffix("_dynamo").removesuffix("_sdpa")
    mode = {"attn_implementation": "sdpa" if name.endswith("_sdpa") else "eager"}
    if kind == "bert":
        net = hf.BertModel(hf.BertConfig(**SMALL, **mode))
        feeds = {"input_ids": ids(), "attention_mask": torch.ones(2, 12, dtype=torch.long)}
        outputs = ["last_hidden_state", "pooler_output"]
    elif kind == "distilbert":
        net = hf.DistilBertForSequenceClassification(
            hf.DistilBertConfig(vocab_size=100, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64, **mode))
        feeds, outputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 12, dtype=torch.long)}, ["logits"]
    elif kind == "gpt2":
        net = hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=100, n_embd=32, n_layer=2, n_head=4, n_positions=64, use_cache=False, **mode))
        feeds, outputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 12, dtype=torch.long)}, ["logits"]
    elif kind == "llama":
        net = hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, num_key_value_heads=2, use_cache=False, **mode))
        feeds, outputs = {"input_ids": ids(), "attention_mask": torch.ones(2, 12, dtype=torch.long)}, ["logits"]
    elif kind == "t5_encoder":
        net = hf.T5EncoderModel(hf.T5Config(vocab_size=100, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4))
        feeds, outputs = {"input_ids": ids()}, ["last_hidden_state"]
    elif kind == "clip":
        text = dict(vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                    max_position_embeddings=16, eos_token_id=99, bos_token_id=0)
        vision = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=32, patch_size=8)
        net = hf.CLIPModel(hf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16, **mode))
        feeds = {"input_ids": ids(8), "pixel_values": torch.randn(2, 3, 32, 32), "attention_mask": torch.ones(2, 8, dtype=torch.long)}
        outputs = ["logits_per_image", "text_embeds", "image_embeds"]
    else:
        config = hf.WhisperConfig(vocab_size=100, d_model=32, encoder_layers=2, encoder_attention_heads=4, decoder_layers=1,
                                  decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=16,
                                  max_source_positions=50, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                                  decoder_start_token_id=1, **mode)
        net = hf.WhisperModel(config).encoder
        feeds, outputs = {"input_features": torch.randn(1, 16, 100)}, ["last_hidden_state"]
    names = list(feeds)
    dynamic = {n: {0: "batch"} for n in names} if not dynamo else None
    return export(Picked(net, names, outputs), tuple(feeds.values()), path, dynamo=dynamo, names=names, dynamic=dynamic)


# ---- small modules of torch


class Recurrent(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = getattr(torch.nn, kind)(8, 16, num_layers=2, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(32, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


@model("pt_gru", "pt_rnn", "pt_lstm_op9", "pt_lstm_op13", "pt_lstm_op17")
def recurrent(name, path):
    kind = {"gru": "GRU", "rnn": "RNN"}.get(name[3:], "LSTM")
    opset = int(name.split("_op")[1]) if "_op" in name else 17
    return export(Recurrent(kind), (torch.randn(2, 10, 8),), path, opset=opset, names=["x"], dynamic={"x": {0: "batch", 1: "steps"}})


@model("pt_transformer", "pt_transformer_dynamo")
def transformer(name, path):
    layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    net = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    return export(net, (torch.randn(2, 6, 16),), path, dynamo=name.endswith("dynamo"), names=["x"])


class TwoInputs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = torch.nn.Linear(4, 8), torch.nn.Embedding(10, 8), torch.nn.Linear(16, 3)

    def forward(self, x, i):
        return self.head(torch.cat([torch.relu(self.a(x)), self.b(i)], 1))


@model("pt_two_inputs")
def two_inputs(name, path):
    return export(TwoInputs(), (torch.randn(3, 4), torch.randint(0, 9, (3,))), path, names=["x", "i"],
                  dynamic={"x": {0: "batch"}, "i": {0: "batch"}})


class TwoOutputs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.a, self.b = torch.nn.Linear(4, 8), torch.nn.Linear(8, 3), torch.nn.Linear(8, 1)

    def forward(self, x):
        h = torch.relu(self.body(x))
        return self.a(h), self.b(h)


@model("pt_two_outputs")
def two_outputs(name, path):
    return export(TwoOutputs(), (torch.randn(3, 4),), path, names=["x"], output_names=["kind", "size"], dynamic={"x": {0: "batch"}})


def conv(i, o, stride=1):
    return torch.nn.Sequential(torch.nn.Conv2d(i, o, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(o), torch.nn.SiLU())


class UNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.d1, self.d2, self.d3 = conv(3, 8), conv(8, 16, 2), conv(16, 32, 2)
        self.u2, self.u1 = conv(48, 16), conv(24, 8)
        self.up = torch.nn.ConvTranspose2d(16, 16, 2, 2)
        self.head = torch.nn.Conv2d(8, 2, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(a)
        c = self.d3(b)
        y = torch.nn.functional.interpolate(c, size=b.shape[2:], mode="bilinear", align_corners=False)
        y = self.u2(torch.cat([y, b], 1))
        return self.head(self.u1(torch.cat([self.up(y), a], 1)))


@model("pt_unet", "pt_unet_hw")
def unet(name, path):
    dynamic = {"x": {0: "batch", 2: "height", 3: "width"}} if name.endswith("hw") else {"x": {0: "batch"}}
    return export(UNet(), (torch.randn(1, 3, 32, 32),), path, names=["x"], dynamic=dynamic)


class Yolo(torch.nn.Module):
    """A backbone, two scales, boxes decoded on a grid: what detectors of the YOLO family do."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = conv(3, 8, 2), conv(8, 16, 2), conv(16, 32, 2)
        self.pool = torch.nn.MaxPool2d(5, 1, 2)
        self.lateral = conv(48, 16)
        self.heads = torch.nn.ModuleList([torch.nn.Conv2d(16, 9, 1), torch.nn.Conv2d(64, 9, 1)])

    def forward(self, x):
        b = self.b(self.a(x))
        c = self.c(b)
        c2 = torch.cat([c, self.pool(c)], 1)
        up = torch.nn.functional.interpolate(c, scale_factor=2.0, mode="nearest")
        found = []
        for head, y in zip(self.heads, (self.lateral(torch.cat([up, b], 1)), c2)):
            y = head(y)
            n, _, h, w = y.shape
            grid = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy"), 0).float()
            centre = (y[:, :2].sigmoid() + grid) / torch.tensor([w, h]).view(1, 2, 1, 1)
            found.append(torch.cat([centre, y[:, 2:4].exp(), y[:, 4:].sigmoid()], 1).flatten(2).transpose(1, 2))
        return torch.cat(found, 1)


@model("pt_yolo")
def yolo(name, path):
    return export(Yolo(), (torch.randn(1, 3, 64, 64),), path, names=["x"], dynamic={"x": {0: "batch"}})


# ---- scikit-learn, LightGBM, XGBoost

def iris():
    from sklearn.datasets import load_iris

    data = load_iris()
    return data.data.astype(np.float32), data.target


def as_onnx(fitted, path, x, zipmap=True, types=None):
    from skl2onnx import to_onnx
    from sklearn.base import is_classifier

    last = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
    options = {id(last): {"zipmap": False}} if is_classifier(last) and not zipmap else None
    onnx.save(to_onnx(fitted, x[:1] if types is None else None, initial_types=types, options=options, target_opset={"": 17, "ai.onnx.ml": 3}), path)


def sk_models():
    from sklearn import cluster, ensemble, linear_model, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm

    return {
        "skl_logreg": linear_model.LogisticRegression(max_iter=200), "skl_gb": ensemble.GradientBoostingClassifier(n_estimators=10),
        "skl_gbr": ensemble.GradientBoostingRegressor(n_estimators=10), "skl_iforest": ensemble.IsolationForest(n_estimators=10),
        "skl_kmeans": cluster.KMeans(3, n_init=1), "skl_knn": neighbors.KNeighborsClassifier(3),
        "skl_mlp": neural_network.MLPClassifier((8,), max_iter=50), "skl_nb": naive_bayes.GaussianNB(),
        "skl_pipe": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        "skl_rf": ensemble.RandomForestClassifier(10), "skl_rf_nozip": ensemble.RandomForestClassifier(10),
        "skl_rfr": ensemble.RandomForestRegressor(10), "skl_ridge": linear_model.Ridge(), "skl_svc": svm.SVC(probability=True),
        "skl_svr": svm.SVR(),
    }


@model("skl_logreg", "skl_gb", "skl_gbr", "skl_iforest", "skl_kmeans", "skl_knn", "skl_mlp", "skl_nb", "skl_pipe", "skl_rf", "skl_rf_nozip",
       "skl_rfr", "skl_ridge", "skl_svc", "skl_svr")
def sklearn_model(name, path):
    x, y = iris()
    as_onnx(sk_models()[name].fit(x, y), path, x, zipmap=name != "skl_rf_nozip")
    return {"X": x[:7]}


@model("skl_tfidf")
def tfidf(name, path):
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["the pump is loud", "the pump is quiet", "a loud valve", "a quiet valve"] * 5
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0] * 5)
    as_onnx(fitted, path, None, types=[("text", StringTensorType([None, 1]))])
    return {"text": np.array([["the valve is loud"], ["a quiet pump"]], dtype=str)}


@model("skl_columns")
def columns(name, path):
    import pandas as pd
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.DataFrame({"a": np.random.rand(40), "b": np.random.rand(40), "kind": ["x", "y"] * 20})
    parts = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["kind"])])
    fitted = make_pipeline(parts, LogisticRegression()).fit(table, ["good", "bad"] * 20)
    as_onnx(fitted, path, None, types=[(c, FloatTensorType([None, 1])) for c in "ab"] + [("kind", StringTensorType([None, 1]))])
    first = table.head(3)
    return {c: first[[c]].to_numpy(np.float32) for c in "ab"} | {"kind": first[["kind"]].to_numpy(str)}


@model("lgbm", "lgbm_nozip", "lgbm_reg", "xgb")
def boosted(name, path):
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y = iris()
    types = [("X", FloatTensorType([None, 4]))]
    if name == "xgb":
        import xgboost

        fitted = xgboost.XGBClassifier(n_estimators=8).fit(x, y)
        made = onnxmltools.convert_xgboost(fitted, initial_types=types, target_opset=15)
    else:
        import lightgbm

        kind = lightgbm.LGBMRegressor if name == "lgbm_reg" else lightgbm.LGBMClassifier
        fitted = kind(n_estimators=8, verbose=-1).fit(x, y)
        made = onnxmltools.convert_lightgbm(fitted, initial_types=types, target_opset=15, zipmap=name == "lgbm")
    onnx.save(made, path)
    return {"X": x[:7]}


# ---- models made from models: ONNX Runtime's optimiser and quantiser, converters


def base(name, folder):
    """The path and the inputs of a model that this one is made from."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        make(name, folder)
    with np.load(folder / f"{name}.npz", allow_pickle=False) as found:
        return path, {k: found[k] for k in found.files}


OPTIMISED = ["hf_bert", "hf_gpt2", "timm_vit_tiny_patch16_224", "tv_mobilenet_v3_small", "tv_shufflenet_v2_x0_5"]


@model(*[f"ort{level}_{n}" for level in "ax" for n in OPTIMISED])
def optimised(name, path):
    import onnxruntime as ort

    source, feeds = base(name[5:], path.parent)
    options = ort.SessionOptions()
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if name[3] == "a" else levels.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(path)
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return feeds


QUANTISED = {
    "q_dyn_bert": "hf_bert", "q_dyn_gpt2": "hf_gpt2", "q_dyn_lstm": "pt_lstm_op17", "q_dyn_whisper_enc": "hf_whisper_encoder",
    "q_int16_unet": "pt_unet", "q_int4_unet": "pt_unet", "q_nbits_llama": "hf_llama", "q_nbits_qdq_llama": "hf_llama",
    **{f"q_{form}_{n}": n for form in ("qdq", "qop") for n in ("tv_mobilenet_v3_small", "tv_resnet18", "tv_shufflenet_v2_x0_5")},
}


@model(*QUANTISED)
def quantised(name, path):
    from onnxruntime import quantization as q

    source, feeds = base(QUANTISED[name], path.parent)
    if name.startswith("q_dyn_"):
        q.quantize_dynamic(source, path)
    elif "nbits" in name:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        form = {"quant_format": q.QuantFormat.QDQ} if "qdq" in name else {}
        # Four bits in QuantizeLinear's form need operator set 21; the quantiser writes the number and converts nothing.
        loaded = onnx.version_converter.convert_version(onnx.load(source), 21) if form else onnx.load(source)
        nbits = MatMulNBitsQuantizer(loaded, block_size=16, is_symmetric=True, **form)
        nbits.process()
        nbits.model.save_model_to_file(str(path))
    else:
        class Reader(q.CalibrationDataReader):
            def __init__(self):
                self.left = 2

            def get_next(self):
                self.left -= 1
                return feeds if self.left >= 0 else None

        form = q.QuantFormat.QOperator if name.startswith("q_qop") else q.QuantFormat.QDQ
        if form == q.QuantFormat.QOperator:
            # This form does not see a bias behind the Identity that the exporter writes for equal ones.
            from onnxruntime.quantization.shape_inference import quant_pre_process

            quant_pre_process(source, path)
            source = path
        types = {"q_int16_unet": (q.QuantType.QInt16, q.QuantType.QInt8), "q_int4_unet": (q.QuantType.QInt8, q.QuantType.QInt4)}
        activation, weight = types.get(name, (q.QuantType.QUInt8, q.QuantType.QInt8))
        q.quantize_static(source, path, Reader(), quant_format=form, activation_type=activation, weight_type=weight,
                          per_channel=form == q.QuantFormat.QDQ and "int4" not in name)
    return feeds


CONVERTED = {**{f"conv_bert_op{v}": ("hf_bert", v) for v in (21, 23, 25, 26)}, **{f"conv_resnet18_op{v}": ("tv_resnet18", v) for v in (21, 23, 25, 26)},
             "conv_squeezenet_op8": ("tv_squeezenet1_1", 8)}


@model(*CONVERTED)
def converted(name, path):
    from onnx import version_converter

    source, version = CONVERTED[name]
    if version < 9:
        # The converter goes down one version at a time, and has no way down from where this exporter begins by itself.
        import torchvision

        feeds = export(torchvision.models.squeezenet1_1(weights=None), (torch.randn(1, 3, 64, 64),), path, opset=9, names=["x"])
        source = path
    else:
        source, feeds = base(source, path.parent)
    onnx.save(version_converter.convert_version(onnx.load(source), version), path)
    return feeds


@model("ext_resnet18", "ext_bert_many")
def external(name, path):
    source, feeds = base({"ext_resnet18": "tv_resnet18", "ext_bert_many": "hf_bert"}[name], path.parent)
    one = name == "ext_resnet18"
    onnx.save_model(onnx.load(source), path, save_as_external_data=True, all_tensors_to_one_file=one, size_threshold=100 if not one else 1024,
                    **({"location": f"{name}.data"} if one else {}))
    return feeds


@model("f16_mobilenet", "f16_bert_keepio")
def halves(name, path):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    source, feeds = base({"f16_mobilenet": "tv_mobilenet_v3_small", "f16_bert_keepio": "hf_bert"}[name], path.parent)
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), path)
    return feeds


def make(name, folder):
    seeded(name)
    path = folder / f"{name}.onnx"
    feeds = MODELS[name](name, path)
    texts = {n: {"dims": a.shape, "data": a.ravel().tolist()} for n, a in feeds.items() if a.dtype.kind == "U"}
    if texts:
        (folder / f"{name}.strings.json").write_text(json.dumps(texts))
    np.savez(folder / f"{name}.npz", **{n: a for n, a in feeds.items() if n not in texts})


def main(out, names):
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    unknown = [n for n in names if n not in MODELS]
    if unknown:
        sys.exit(f"no model is called {', '.join(unknown)}; there are {', '.join(sorted(MODELS))}")
    failed = 0
    wanted = names or sorted(MODELS)
    for at, name in enumerate(wanted, 1):
        if (folder / f"{name}.npz").exists():
            print(f"[{at}/{len(wanted)}] {name}: kept", flush=True)
            continue
        try:
            make(name, folder)
            print(f"[{at}/{len(wanted)}] {name}: {(folder / f'{name}.onnx').stat().st_size} bytes", flush=True)
        except Exception as error:
            failed += 1
            (folder / f"{name}.onnx").unlink(missing_ok=True)
            print(f"[{at}/{len(wanted)}] {name}: FAILED {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", flush=True)
            if os.environ.get("TRACE"):
                traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
