"""A stand-in for a small model: bad at letters, good at names, and it may go on from a begun answer.

Tokens are words. Of a text that holds a class's name it says that class.
"""

import math

from tests.support.stand_in_server import completion

TURN = 5  # tokens that the marks of a turn take
OPTION = "continue_final_message"


class SmallModel:
    """Call it as the ``answer`` of ``stand_in_server.serving``.

    ``names``: those it knows, by single tokens. ``goes_on``: "plain" from a last message of the
    assistant, "option" only with vLLM's, "mark" only with a mark on the message, "never" (it begins
    a new turn), or "refused". ``letters``: the probability of A, whatever the text; None for a model
    that is right by letters, too. ``most``: how many words may be listed.
    """

    def __init__(self, names, goes_on="plain", letters=0.3, most=1000, mass=0.04, tokens=True):
        self.names, self.goes_on, self.letters = list(names), goes_on, letters
        self.most, self.mass, self.tokens = most, mass, tokens

    def __call__(self, request, number):
        if request.get("top_logprobs", 0) > self.most:
            words = f"top_logprobs must be less than or equal to {self.most}"
            return 400, {"error": {"message": words}}
        *turns, last = request["messages"]
        begun = ""
        if last["role"] == "assistant":
            if self.goes_on == "refused":
                words = "the last message must have the role user, roles must alternate"
                return 400, {"error": {"message": words}}
            option = bool(request.get(OPTION))
            if option and self.goes_on != "option":
                return 400, {"error": {"message": f"Unrecognized request argument: {OPTION}"}}
            went_on = {"plain": True, "option": option, "mark": bool(last.get("prefix"))}
            begun = last["content"] if went_on.get(self.goes_on, False) else ""
        asked = last if last["role"] == "user" else turns[-1]
        length = sum(len(m["content"].split()) + TURN for m in request["messages"])
        length += 0 if begun else TURN
        told = (length, 1) if self.tokens else (0, 0)
        top = self.top(request["messages"][0]["content"], asked["content"], begun)
        return completion(top[0][0], top[: request.get("top_logprobs", 1)], usage=told)

    def top(self, system, text, begun):
        """Words with their logprobs, likeliest first."""
        if "letter of" in system and not begun:
            return self._by_letter(text)
        mass = 0.6 if begun else self.mass
        shares = {" the" if begun else "The": 1 - mass - 0.05, "C": 0.05}
        right = next((k for k, name in enumerate(self.names) if name in text), 0)
        for k, name in enumerate(self.names):
            share = mass * (0.7 if k == right else 0.3 / (len(self.names) - 1))
            shares[f" {name}" if begun else name] = share
        return sorted(((w, math.log(p)) for w, p in shares.items()), key=lambda pair: -pair[1])

    def _by_letter(self, text):
        letters = "ABCDEFGHIJKLMNOPQRST"[: len(self.names)]
        if self.letters is None:
            right = next((k for k, name in enumerate(self.names) if name in text), 0)
            shares = {x: 0.97 if k == right else 0.01 for k, x in enumerate(letters)}
        else:
            rest = self.letters / len(letters) / 2
            shares = {x: self.letters if x == "A" else rest for x in letters}
            shares["Sure"] = 1 - sum(shares.values()) - 0.01
        return sorted(((w, math.log(p)) for w, p in shares.items()), key=lambda pair: -pair[1])
