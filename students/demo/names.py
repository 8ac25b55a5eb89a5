"""Invented people's names: surnames by how common they are, given names drawn character by character."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random

# Surname characters, the most common first; the weight falls with the place.
COMMON = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
DOUBLE = ("欧阳", "司马", "上官", "诸葛", "皇甫", "尉迟", "令狐", "慕容", "司徒", "夏侯")
HUI = "马哈丁撒沙穆白金杨海拜米冶"
MANCHU = "关佟那富金赵白常康刘"
BOYS = "伟强磊军勇杰涛超明辉鹏斌宇浩轩博文志建国华平刚东海洋龙飞亮峰俊凯帆宁波晨旭阳振昊泽"
GIRLS = "芳娜敏静丽艳娟霞秀兰英华慧红玉梅莉萍燕玲雪琳欣怡婷颖佳思雨洁倩晓蕾菲涵梓琪彤瑶花"
ELDERS_MEN = "国建志永德福贵明生林海成文全有宝万金世才忠义学顺平"
ELDERS_WOMEN = "秀桂兰英玉芳梅香珍莲凤琴花菊翠淑春芝巧云"
TIBETAN = ("扎西", "多吉", "丹增", "次仁", "尼玛", "索南", "才让", "旦正", "加措", "平措")
TIBETAN_WOMEN = ("卓玛", "央金", "拉姆", "德吉", "措毛", "白玛", "梅朵", "格桑")
TURKIC = ("艾力", "吐尔逊", "买买提", "阿不都", "库尔班", "艾山", "热合曼", "木拉提", "叶尔兰", "赛力克")
TURKIC_WOMEN = ("古丽娜", "阿依古丽", "帕提曼", "热依罕", "迪丽达", "阿依努尔", "加娜提", "米娜瓦")
MONGOL = ("巴特尔", "苏和", "那顺", "朝鲁", "乌云", "其木格", "萨仁", "高娃")

# Shares of the peoples by province (first two digits of the code); the rest is Han.
PEOPLES: dict[str, dict[str, float]] = {
    "62": {"回族": 0.05, "东乡族": 0.02, "藏族": 0.015, "维吾尔族": 0.003, "土族": 0.002},
    "64": {"回族": 0.35, "满族": 0.004},
    "21": {"满族": 0.14, "蒙古族": 0.02, "回族": 0.006, "朝鲜族": 0.005},
    "65": {"维吾尔族": 0.45, "哈萨克族": 0.07, "回族": 0.05},
}
ELSEWHERE = {"回族": 0.02, "满族": 0.01, "土家族": 0.01}
HAN = "汉族"
_MUSLIM_HAN_STYLE = {"回族", "东乡族"}
_DOTTED = {"维吾尔族", "哈萨克族"}  # given name · father's given name


@dataclass(frozen=True, slots=True)
class Line:
    """What a family hands on: its people and its surname (in dotted names the father's given name)."""

    people: str
    surname: str


class Names:
    """Draws names from one random source; the same source gives the same names."""

    def __init__(self, rng: Random, province: str) -> None:
        self._rng = rng
        shares = PEOPLES.get(province, ELSEWHERE)
        self._peoples = (*shares, HAN)
        self._shares = list(accumulate((*shares.values(), 1 - sum(shares.values()))))
        self._weights = list(accumulate(1 / (place + 9) for place in range(len(COMMON))))

    def line(self, people: str | None = None, *, double: bool = False) -> Line:
        """A family's people and surname; `double` asks for a surname of two characters."""
        rng = self._rng
        people = people or rng.choices(self._peoples, cum_weights=self._shares)[0]
        if people in _DOTTED:
            return Line(people, rng.choice(TURKIC))
        if people == "藏族":
            return Line(people, "")
        if people in _MUSLIM_HAN_STYLE:
            return Line(people, "马" if rng.random() < 0.4 else rng.choice(HUI))
        if people == "满族":
            return Line(people, rng.choice(MANCHU))
        if double or rng.random() < 0.004:
            return Line(people, rng.choice(DOUBLE))
        return Line(people, rng.choices(COMMON, cum_weights=self._weights)[0])

    def child(self, line: Line, male: bool) -> str:
        return self._full(line, male, BOYS if male else GIRLS, one=0.35)

    def elder(self, line: Line, male: bool) -> str:
        """A parent or grandparent; in dotted names the father is called what his children carry."""
        if line.people in _DOTTED and male:
            return f"{line.surname}·{self._other(line.surname)}"
        return self._full(line, male, ELDERS_MEN if male else ELDERS_WOMEN, one=0.15)

    def _other(self, name: str) -> str:
        return self._rng.choice([other for other in TURKIC if other != name])

    def _full(self, line: Line, male: bool, characters: str, *, one: float) -> str:
        rng = self._rng
        if line.people in _DOTTED:
            return f"{self._other(line.surname) if male else rng.choice(TURKIC_WOMEN)}·{line.surname}"
        if line.people == "藏族":
            last = TIBETAN[len(TIBETAN) // 2 :] if male else TIBETAN_WOMEN
            return rng.choice(TIBETAN[: len(TIBETAN) // 2]) + rng.choice(last)
        if line.people == "蒙古族" and rng.random() < 0.4:
            return rng.choice(MONGOL)
        given = rng.choice(characters)
        if rng.random() >= one:
            given += rng.choice(characters)
        return line.surname + given
