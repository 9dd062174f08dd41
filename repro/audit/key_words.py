"""Words in the name of a key or of a file that say what its numbers are."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GRADIENT = _words("grad grads gradient gradients")
METRIC = _words(
    "acc accuracy top exact em f1 f bleu rouge auc map ap miou iou dice psnr ssim fid score scores precision recall"
    " wer cer mrr ndcg hit hits metric"
)
LOSS = _words("loss losses nll cost costs objective perplexity ppl")
PARAMETER = _words(
    "weight weights bias biases gamma beta kernel kernels embedding embeddings running variance parameter parameters"
    " param params init initial checkpoint ckpt state pretrained pdparams"
)
INPUT = _words("input inputs image images data label labels target targets ids mask token tokens x fake feature")
# Series without a float32 sum: schedules that both programs compute as Python does, and ratios of counts.
SCHEDULE = _words("lr rate rates schedule schedules scheduler")
# Adam's second moments carry 1 - beta2, which float32 knows only to 2^-24 / 0.001.
MOMENT = _words("sq moment moments moment2 velocity")
INDEX = _words("index indices idx arange row rows col cols edge")
STEP = _words("step steps iter iters iteration iterations")
EPOCH = _words("epoch epochs")  # of an unknown number of steps
COUNTER = STEP | EPOCH
# What a machine took, which no other run takes, and the times that it started at.
MACHINE = _words(
    "time times runtime walltime elapsed duration seconds secs timestamp eta speed fps throughput latency memory mem"
    " flos flops host driver heartbeat"
)
PER_SECOND = _words("per second")
# Losses of two models that train each other, or of an agent: they go anywhere.
ADVERSARIAL = _words("d g gan disc gen adv discriminator generator actor critic policy value kl")
SETTING = _words("config configuration settings args arguments hparams hyperparameters")
RUNS = _words("seed seeds run runs trial trials fold folds split splits rep repeat repetition")
PREDICTION = _words("pred preds prediction predictions argmax topk index indices")
RIGHT = _words("acc accuracy top exact em")  # shares of samples that are right, as an F1 is not
