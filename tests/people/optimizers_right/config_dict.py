# what: CS231n's update rule with a config dict and setdefault: adamw(w, dw, config) -> (next_w, config)
# call: adamw
# truth: right
# kind: optimizer
# needs: none

import numpy as np


def adamw(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("beta1", 0.9)
    config.setdefault("beta2", 0.999)
    config.setdefault("epsilon", 1e-8)
    config.setdefault("weight_decay", 1e-2)
    config.setdefault("m", np.zeros_like(w))
    config.setdefault("v", np.zeros_like(w))
    config.setdefault("t", 0)

    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    mt = config["m"] / (1 - beta1 ** config["t"])
    vt = config["v"] / (1 - beta2 ** config["t"])
    next_w = w * (1 - config["learning_rate"] * config["weight_decay"])
    next_w = next_w - config["learning_rate"] * mt / (np.sqrt(vt) + config["epsilon"])
    return next_w, config
