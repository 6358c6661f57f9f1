"""Scoring speed of a saved LSTM model in PyTorch (1.13 or later): the twin of `nce score`.

Reads a model file of this program and a text, a sentence a line; scores all of it exactly, batches
of sentences of about one length, for at least so many seconds. Prints one JSON line:
{"tokensPerSecond", "logProb", "tokens", "torch", "device", "threads"}.
"""

import argparse
import json
import struct
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    sys.exit(f"Cannot import PyTorch with {sys.executable}: {error}")

UNK, BOS = 0, 1
MARKS = ("<s>", "</s>")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--places", type=int, default=4096, help="of a batch, padding included")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure")
    parser.add_argument("--threads", type=int, help="PyTorch's choice unless given")
    parser.add_argument("--cuda", action="store_true")
    return parser.parse_args()


def read_model(path):
    """The tensors by name, the settings and the words of a safetensors file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, offset=begin, count=(end - begin) // 4)
        tensors[name] = flat.view(entry["shape"])
    return tensors, json.loads(metadata["settings"]), json.loads(metadata["words"])


def read_sentences(path, words):
    """Ids of each line, with the mark at both ends."""
    ids = {word: id for id, word in enumerate(words)}
    sentences = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            tokens = line.split()
            while tokens and tokens[0] in MARKS:
                tokens.pop(0)
            while tokens and tokens[-1] in MARKS:
                tokens.pop()
            sentences.append([BOS] + [ids.get(word, UNK) for word in tokens] + [BOS])
    return sentences


def make_batches(sentences, places, device):
    """Inputs and targets [T, B], and where there is a target; sentences of about one length together."""
    batches, batch = [], []
    for ids in sorted(sentences, key=len):
        if batch and len(ids) * (len(batch) + 1) > places:
            batches.append(batch)
            batch = []
        batch.append(torch.tensor(ids))
    batches.append(batch)
    padded = []
    for batch in batches:
        text = nn.utils.rnn.pad_sequence(batch, padding_value=-1).to(device)
        target = text[1:]
        padded.append((text[:-1].clamp(min=0), target.clamp(min=0), target >= 0))
    return padded


class Scorer:
    """The network of the file."""

    def __init__(self, tensors, settings, device):
        self.tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self.rnn = nn.LSTM(settings["emsize"], settings["nhid"], settings["nlayers"])
        own = {name[4:]: tensor for name, tensor in tensors.items() if name.startswith("rnn.")}
        self.rnn.load_state_dict(own)
        self.rnn.to(device).eval()

    def log_prob(self, text, target, mask):
        of = self.tensors
        output, _ = self.rnn(F.embedding(text, of["encoder.weight"]))
        context = F.linear(output[mask], of["proj.weight"], of["proj.bias"])
        scores = F.linear(context, of["criterion.emb.weight"], of["criterion.bias.weight"].squeeze(1))
        return -F.cross_entropy(scores, target[mask], reduction="none")


def main():
    options = parse_options()
    if options.cuda and not torch.cuda.is_available():
        sys.exit(f"Cannot use --cuda: PyTorch {torch.__version__} finds no CUDA device")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = torch.device("cuda" if options.cuda else "cpu")
    tensors, settings, words = read_model(options.model)
    scorer = Scorer(tensors, settings, device)
    sentences = read_sentences(options.text, words)
    tokens = sum(len(ids) - 1 for ids in sentences)

    def score():
        batches = make_batches(sentences, options.places, device)
        found = [scorer.log_prob(*batch).double().sum() for batch in batches]
        return torch.stack(found).sum().item()

    with torch.inference_mode():
        score()
        rounds, start = 0, time.perf_counter()
        while rounds == 0 or time.perf_counter() - start < options.seconds:
            log_prob = score()
            rounds += 1
        elapsed = time.perf_counter() - start
    print(json.dumps({
        "tokensPerSecond": rounds * tokens / elapsed,
        "logProb": log_prob,
        "tokens": tokens,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if options.cuda else "cpu",
        "threads": torch.get_num_threads(),
    }))


if __name__ == "__main__":
    main()
