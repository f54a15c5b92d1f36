# what: one object for many parameters, by name
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, decay1, decay2, eps, weight_decay); update(param, param_grad, param_name) -> new param
# needs: none

import numpy as np


class AdamW:
    def __init__(self, lr=0.001, decay1=0.9, decay2=0.999, eps=1e-8, weight_decay=0.01):
        self.hyperparameters = {
            "lr": lr, "decay1": decay1, "decay2": decay2, "eps": eps, "weight_decay": weight_decay
        }  # fmt: skip
        self.cache = {}

    def update(self, param, param_grad, param_name):
        H, C = self.hyperparameters, self.cache
        if param_name not in C:
            C[param_name] = {"t": 0, "mean": np.zeros_like(param_grad), "var": np.zeros_like(param_grad)}
        s = C[param_name]
        s["t"] += 1
        s["mean"] = H["decay1"] * s["mean"] + (1 - H["decay1"]) * param_grad
        s["var"] = H["decay2"] * s["var"] + (1 - H["decay2"]) * param_grad**2
        v_hat = s["var"] / (1 - H["decay2"] ** s["t"])
        m_hat = s["mean"] / (1 - H["decay1"] ** s["t"])
        update = H["lr"] * m_hat / (np.sqrt(v_hat) + H["eps"]) + H["lr"] * H["weight_decay"] * param
        return param - update
