"""Proves that the loss is the one of the ONNX standard, on its test vectors for
SoftmaxCrossEntropyLoss."""

import numpy as np
import pytest

from bigram.bounds import loss_bound
from impl_numpy import cross_entropy

pytest.importorskip("onnx", reason="the vectors are in the package onnx")


# of the vectors of other operators, which are made along with these
@pytest.mark.filterwarnings("ignore")
def test_the_loss_on_the_vectors_of_onnx() -> None:
    from onnx.backend.test.case.node import collect_testcases

    tried = 0
    for case in collect_testcases("SoftmaxCrossEntropyLoss"):
        node = case.model.graph.node[0]
        options = {attribute.name: attribute for attribute in node.attribute}
        if len(node.input) != 2 or "ignore_index" in options or options["reduction"].s != b"mean":
            continue  # class weights, an id to ignore, a sum: not ours
        for inputs, outputs in case.data_sets:
            x, y = map(np.asarray, inputs)
            logits = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])  # classes last, one row a token
            loss, p = cross_entropy.cross_entropy(logits, y.ravel())
            wanted = float(np.asarray(outputs[0]))
            assert abs(float(loss) - wanted) <= loss_bound(wanted, x.dtype), case.name
            if len(outputs) > 1:  # log softmax, classes second
                logp = np.moveaxis(np.asarray(outputs[1]), 1, -1).reshape(logits.shape)
                np.testing.assert_allclose(np.log(p), logp, atol=1e-5, err_msg=case.name)
            tried += 1
    assert tried >= 4
