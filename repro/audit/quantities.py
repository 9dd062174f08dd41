"""What a documented number is about, by the words of its column, row and heading: English, Chinese, some European."""

import re
from functools import lru_cache
from typing import Literal

Quantity = Literal["difference", "metric", "loss", "other measure", "setting"]

SMALL = 1e-2  # differences are smaller, values of metrics larger

# Regular expressions between spaces; an underscore stands for any separator, or none.
_WORDS: dict[Quantity, str] = {
    "other measure": r"max(?:imum)? min(?:imum)? rel(?:ative)? std 最大 最小 相对 标准差",
    "difference": r"""
        diff(?:s|erences?)? gaps? deltas? mae mse (?:abs(?:olute)?|mean|l1|l2)_err(?:or)?s?
        误差 差异? 差值""",
    "metric": r"""
        acc(?:uracy|uracies)?\d? top_?\d f1 em exact(?:_match)? (?:m|box_|mask_)?ap\d* bleu\w* rouge\w* m?iou psnr ssim
        fid auc ppl perplexity wer cer precision recall scores? mrr ndcg\w* eer dice hmean kappa metrics? err(?:or)?s?
        \w*genauigkeit exactitude exactitud precisión précision
        准确率 精确率 精度 召回率 指标 得分 正确率 错误率""",
    "loss": r"loss(?:es)? \w*verlust 损失",
    "setting": r"""
        batch(?:_size)? bs epochs? lr learning_rate weight_decay wd momentum dropout seeds? hidden(?:_\w+)? heads?
        layers? dims? dimensions? (?:max|seq)_(?:len|length|seq\w*) length (?:num_|train_|total_)?steps? iters?
        iterations? warm_up\w* versions? ver dates? year tables? figures? fig params? parameters? \w*flops macs gpus?
        cards? mem(?:ory)? \w*time hours? h min(?:ute)?s? sec(?:ond)?s? s ms speed fps throughput latency (?:\w+_)?size
        width height depth temperature num(?:ber)?(?:_\w+)? n samples? images? counts? index idx id no rank workers
        threads crop resolution betas? beta\d eps(?:ilon)? alpha gamma thresh(?:old)? tol(?:erance)? [ra]tol stride
        kernel channels vocab python cuda cudnn cpu ram optimizers? schedulers? rates? decay classes hyper_param\w*
        config\w* settings? options? environment requirements? dependenc\w+ dataset
        批 批大小 批次 学习率 轮 步数 迭代 种子 版本 日期 时间 年 表 图 参数 显存 内存 耗时 显卡 卡数 层数 头数 维度
        长度 大小 数量 样本 序号 编号 权重衰减 动量 预热 温度 阈值 速度 分辨率 环境 依赖 配置 设置 数据集""",
}


def _pattern(words: str) -> re.Pattern[str]:
    """Matches any of the words; Latin ones as whole words, Chinese ones anywhere."""
    latin = [word.replace("_", r"[\s_\-]?") for word in words.split() if word.isascii()]
    chinese = [word for word in words.split() if not word.isascii()]
    return re.compile("|".join([rf"(?<![A-Za-z])(?:{'|'.join(latin)})(?![A-Za-z])", *chinese]), re.IGNORECASE)


_PATTERNS = {quantity: _pattern(words) for quantity, words in _WORDS.items()}


@lru_cache(1 << 16)
def quantities(text: str) -> frozenset[Quantity]:
    """Every kind of quantity that a text mentions."""
    return frozenset(quantity for quantity, pattern in _PATTERNS.items() if pattern.search(text))


def quantity(text: str, value: float) -> Quantity | None:
    """What a number under this heading is; None where the heading does not say.

    ``精度`` is an accuracy as well as a difference: of a small number, the latter.
    """
    named = quantities(text)
    if "other measure" in named and named & {"difference", "metric", "loss"}:
        return "other measure"
    if "difference" in named:
        return "difference"
    if "metric" in named:
        return "difference" if "精度" in text and abs(value) < SMALL else "metric"
    return "loss" if "loss" in named else "setting" if named & {"setting", "other measure"} else None
