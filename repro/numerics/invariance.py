"""stub"""


def zero_by_shift(name: str) -> bool:
    return name.partition("[")[0].endswith("attention.self.key.bias")
