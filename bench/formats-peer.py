"""Networks of transformers' and other kinds with random weights, and what ONNX Runtime's own tools make of them.

    python formats-peer.py FOLDER

FOLDER gets NAME.onnx, and of each NAME.float16.onnx, NAME.dynamic.onnx and NAME.blocks.onnx where the tool makes one.
"""
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import numpy as np
import onnx
import torch
import transformers as hf
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16

logging.disable(logging.WARNING)
torch.set_num_threads(1)
folder = Path(sys.argv[1])


class Picked(torch.nn.Module):
    def __init__(self, net, name):
        super().__init__()
        self.net, self.name = net, name

    def forward(self, ids):
        return self.net(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True)[self.name]


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(40, 64, num_layers=2, bidirectional=True, batch_first=False)
        self.head = torch.nn.Linear(128, 12)

    def forward(self, x):
        return self.head(self.rnn(x)[0].mean(0))


def networks():
    small = dict(vocab_size=500, attn_implementation="eager")
    sizes = dict(hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512, max_position_embeddings=64)
    ids = torch.randint(1, 16, (2, 16))
    yield "bert", Picked(hf.BertModel(hf.BertConfig(**small, **sizes)), "last_hidden_state"), ids
    yield "gpt2", Picked(hf.GPT2LMHeadModel(hf.GPT2Config(
        **small, n_embd=128, n_layer=2, n_head=4, n_positions=64, use_cache=False)), "logits"), ids
    yield "llama", Picked(hf.LlamaForCausalLM(hf.LlamaConfig(
        **small, **sizes, num_key_value_heads=2, use_cache=False)), "logits"), ids
    yield "lstm", Recurrent(), torch.randn(20, 2, 40)
    import timm

    yield "vit_tiny", timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=64, exportable=True), torch.randn(2, 3, 64, 64)
    import torchvision

    yield "resnet18", torchvision.models.resnet18(weights=None), torch.randn(2, 3, 64, 64)


def made(path, kind, make):
    try:
        make(str(path.with_suffix(f".{kind}.onnx")))
    except Exception as error:  # what a tool cannot do is part of the comparison
        print(f"  {path.stem}: {kind} stops: {type(error).__name__}: {str(error).splitlines()[0][:120]}")


def main():
    for at, (name, net, x) in enumerate(networks()):
        torch.manual_seed(at)
        for p in net.parameters():
            if p.dim() > 1 and name != "resnet18":
                torch.nn.init.normal_(p, std=1 / np.sqrt(p.shape[-1]))
        path = folder / f"{name}.onnx"
        with torch.no_grad():
            torch.onnx.export(net.eval(), (x,), str(path), dynamo=False, opset_version=17, input_names=["x"])

        def blocks(to):
            quantizer = MatMulNBitsQuantizer(onnx.load(path), bits=4, block_size=32, is_symmetric=False, accuracy_level=4)
            quantizer.process()
            quantizer.model.save_model_to_file(to)

        made(path, "float16", lambda to: onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=True), to))
        made(path, "dynamic", lambda to: quantize_dynamic(str(path), to, op_types_to_quantize=["MatMul", "Gemm", "LSTM"], per_channel=True))
        made(path, "blocks", blocks)


main()
