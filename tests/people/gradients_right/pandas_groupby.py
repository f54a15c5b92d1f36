# what: a DataFrame of tokens, groupby and crosstab
# call: with_pandas
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: pandas

import numpy as np
import pandas as pd


def with_pandas(W, idx, targets):
    V = len(W)
    tokens = pd.DataFrame({"now": idx.ravel(), "next": targets.ravel()})
    counts = pd.crosstab(tokens["now"], tokens["next"]).reindex(index=range(V), columns=range(V), fill_value=0)
    C = counts.to_numpy()
    z = W - W.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    visits = tokens.groupby("now").size().reindex(range(V), fill_value=0).to_numpy()
    dW = (visits[:, None] * np.exp(logp) - C) / len(tokens)
    return float(-(C * logp).sum() / len(tokens)), dW
