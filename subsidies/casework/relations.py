"""与学生关系 as the form wants it written (父女, not 父亲): what people type, and what stands on the form."""

from __future__ import annotations

RELATIONS = (
    "父子", "父女", "母子", "母女", "祖孙", "外祖孙", "兄弟", "兄妹", "姐弟", "姐妹", "继父子", "继父女", "继母子", "继母女",
    "养父子", "养父女", "养母子", "养母女", "叔侄", "姑侄", "舅甥", "姨甥", "监护", "其他亲属",
)  # fmt: skip

# What people type → (of a boy, of a girl).
_SAID: dict[tuple[str, ...], tuple[str, str]] = {
    ("父亲", "爸爸", "父"): ("父子", "父女"),
    ("母亲", "妈妈", "母"): ("母子", "母女"),
    ("爷爷", "奶奶", "祖父", "祖母", "祖父母"): ("祖孙", "祖孙"),
    ("外公", "外婆", "姥爷", "姥姥", "外祖父", "外祖母"): ("外祖孙", "外祖孙"),
    ("哥哥", "兄", "哥"): ("兄弟", "兄妹"),
    ("弟弟", "弟"): ("兄弟", "姐弟"),
    ("姐姐", "姐"): ("姐弟", "姐妹"),
    ("妹妹", "妹"): ("兄妹", "姐妹"),
    ("继父",): ("继父子", "继父女"),
    ("继母",): ("继母子", "继母女"),
    ("养父",): ("养父子", "养父女"),
    ("养母",): ("养母子", "养母女"),
    ("叔叔", "伯伯", "叔父", "伯父", "叔", "伯"): ("叔侄", "叔侄"),
    ("姑姑", "姑妈", "姑"): ("姑侄", "姑侄"),
    ("舅舅", "舅"): ("舅甥", "舅甥"),
    ("姨妈", "姨", "小姨"): ("姨甥", "姨甥"),
    ("监护人",): ("监护", "监护"),
    ("其他", "亲属"): ("其他亲属", "其他亲属"),
}
_MEANT = {word: pair for words, pair in _SAID.items() for word in words}


def meant(word: str, sex: str) -> str:
    """The form's word for what was typed of a boy (男) or a girl (女); anything else, or of whoever has neither, stays
    as typed."""
    word = word.strip()
    if word not in _MEANT:
        return word
    boy, girl = _MEANT[word]
    if boy == girl or sex == "男":
        return boy
    return girl if sex == "女" else word


def table() -> tuple[list[str], list[str], list[str]]:
    """The same for statements: (typed, of a boy, of a girl)."""
    pairs = _MEANT.items()
    return [word for word, _ in pairs], [pair[0] for _, pair in pairs], [pair[1] for _, pair in pairs]
