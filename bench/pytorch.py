"""Training speed of the word language model of example/, written for PyTorch (1.13 or later).

The same network, losses, optimizer and defaults; random text with Zipf's word frequencies, in full
batches. Prints a JSON line: {"tokensPerSecond", "steps", "torch", "device", "threads"}; with --turns one for
each line of standard input, after {"ready": true}, so that it starts once only.
"""

import argparse
import json
import math
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    sys.exit(f"Cannot import PyTorch with {sys.executable}: {error}")

MOMENTUM = 0.9
WEIGHT_DECAY = 1e-5
CLIP = 0.25
NORM_TERM = 9.0
SEED = 1111

WARM_UP_STEPS = 3
BATCHES = 32
# Wait for the GPU's queue at this interval of steps; otherwise the clock would run ahead of the work.
STEPS_AHEAD = 8


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loss", choices=["nce", "full"], default="full")
    parser.add_argument("--vocab-size", type=int, default=10001)
    parser.add_argument("--emsize", type=int, default=200)
    parser.add_argument("--nhid", type=int, default=200)
    parser.add_argument("--nlayers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--batch-size", type=int, default=12, help="rows of a batch")
    parser.add_argument("--bptt", type=int, default=35, help="steps of a row")
    parser.add_argument("--noise-ratio", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure")
    parser.add_argument("--turns", action="store_true", help="a line of input for each measurement")
    parser.add_argument("--threads", type=int, help="PyTorch's choice unless given")
    parser.add_argument("--cuda", action="store_true")
    return parser.parse_args()


class LanguageModel(nn.Module):
    """Embedding, LSTM layers, a projection to the size of a word vector, and the output table."""

    def __init__(self, options, unigram):
        super().__init__()
        words, emsize, nhid, nlayers = (
            options.vocab_size, options.emsize, options.nhid, options.nlayers)
        self.loss = options.loss
        self.noise_ratio = options.noise_ratio
        self.encoder = nn.Embedding(words, emsize)
        between = options.dropout if nlayers > 1 else 0.0
        self.rnn = nn.LSTM(emsize, nhid, nlayers, dropout=between)
        self.proj = nn.Linear(nhid, emsize)
        self.dropout = nn.Dropout(options.dropout)
        self.weight = nn.Parameter(torch.empty(words, emsize))
        self.bias = nn.Parameter((unigram.log() + NORM_TERM).float().unsqueeze(1))
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.uniform_(self.weight, -1 / math.sqrt(emsize), 1 / math.sqrt(emsize))
        self.register_buffer("cumulative", unigram.cumsum(0))
        # ln(k q), which binary NCE subtracts from each score together with the norm term.
        self.register_buffer("shift", (unigram * self.noise_ratio).log().float() + NORM_TERM)

    def forward(self, text, target):
        """The mean loss of predicting `target` [T * B] from `text` [T, B]."""
        output, _ = self.rnn(self.dropout(self.encoder(text)))
        context = self.dropout(self.proj(output)).flatten(0, 1)
        if self.loss == "full":
            return F.cross_entropy(F.linear(context, self.weight, self.bias.squeeze(1)), target)
        return self.nce(context, target)

    def draw_noise(self):
        """k words of the unigram distribution, shared by all targets of the batch.

        At these sizes a search in the cumulative sum is faster than torch.multinomial, which sums
        anew for each draw, and than an alias table, which takes more operations.
        """
        uniform = torch.rand(
            self.noise_ratio, dtype=torch.float64, device=self.cumulative.device)
        return torch.searchsorted(self.cumulative, uniform)

    def nce(self, context, target):
        noise = self.draw_noise()
        # One look-up for both, so that the table's dense gradient is computed once.
        ids = torch.cat([target, noise])
        sizes = [len(target), len(noise)]
        target_weight, noise_weight = F.embedding(ids, self.weight).split(sizes)
        offset = F.embedding(ids, self.bias).squeeze(1) - self.shift[ids]
        target_offset, noise_offset = offset.split(sizes)
        target_score = (context * target_weight).sum(1) + target_offset
        noise_score = torch.addmm(noise_offset, context, noise_weight.t())
        loss = F.softplus(-target_score).sum() + F.softplus(noise_score).sum()
        return loss / len(target)


def make_batches(options, unigram):
    """Texts [T + 1, B], drawn ahead; pinned where a GPU will fetch them."""
    count = (options.bptt + 1) * options.batch_size
    texts = [
        torch.multinomial(unigram, count, replacement=True).view(-1, options.batch_size)
        for _ in range(BATCHES)
    ]
    return [text.pin_memory() for text in texts] if options.cuda else texts


def main():
    options = parse_options()
    if options.cuda and not torch.cuda.is_available():
        sys.exit(f"Cannot use --cuda: PyTorch {torch.__version__} finds no CUDA device")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    device = torch.device("cuda" if options.cuda else "cpu")
    unigram = torch.log1p(1 / torch.arange(1, options.vocab_size + 1, dtype=torch.float64))
    unigram /= unigram.sum()
    batches = make_batches(options, unigram)
    model = LanguageModel(options, unigram).to(device)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(
        parameters, lr=options.lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def step(number):
        text = batches[number % BATCHES].to(device, non_blocking=True)
        loss = model(text[:-1], text[1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()

    def synchronize():
        if options.cuda:
            torch.cuda.synchronize()

    def measure():
        start = time.perf_counter()
        steps = 0
        while time.perf_counter() - start < options.seconds:
            step(steps)
            steps += 1
            if steps % STEPS_AHEAD == 0:
                synchronize()
        synchronize()
        elapsed = time.perf_counter() - start
        print(json.dumps({
            "tokensPerSecond": steps * options.bptt * options.batch_size / elapsed,
            "steps": steps,
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if options.cuda else "cpu",
            "threads": torch.get_num_threads(),
        }), flush=True)

    for number in range(WARM_UP_STEPS):
        step(number)
    synchronize()
    if options.turns:
        print(json.dumps({"ready": True}), flush=True)
        while sys.stdin.readline():
            measure()
    else:
        measure()


if __name__ == "__main__":
    main()
