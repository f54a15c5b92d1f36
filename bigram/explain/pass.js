// The same pass for a table that the reader has changed, in the names of impl_numpy, and numbers as Python
// writes them. page.js shows the result.
"use strict";

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const zerosLike = (W) => W.map((row) => row.map(() => 0));

// Forward and backward of impl_numpy/stepwise.py, their short forms, and the first AdamW step: by key.
function passOf(W, { idx, targets, scalars }) {
  const { N } = scalars;
  const tokens = (make) => idx.map((_, k) => make(k));
  const matrix = (make) => tokens((k) => W.map((_, j) => make(k, j)));

  const logits = matrix((k, j) => W[idx[k]][j]);
  const z = matrix((k, j) => logits[k][j] - Math.max(...logits[k]));
  const e = matrix((k, j) => Math.exp(z[k][j]));
  const s = tokens((k) => sum(e[k]));
  const log_s = tokens((k) => Math.log(s[k]));
  const logp = matrix((k, j) => z[k][j] - log_s[k]);
  const picked = tokens((k) => logp[k][targets[k]]);
  const loss = -sum(picked) / N;

  const dloss = 1;
  const dpicked = tokens(() => -dloss / N);
  const dlogp = matrix((k, j) => (j === targets[k] ? dpicked[k] : 0));
  const dlog_s = tokens((k) => -sum(dlogp[k]));
  const ds = tokens((k) => dlog_s[k] / s[k]);
  const de = matrix((k) => ds[k]);
  const dz = matrix((k, j) => dlogp[k][j] + de[k][j] * e[k][j]);
  const dlogits = dz;
  const dW = W.map((row, i) => row.map((_, j) => sum(tokens((k) => (idx[k] === i ? dlogits[k][j] : 0)))));

  const p = matrix((k, j) => e[k][j] / s[k]);
  const dlogits_fused = matrix((k, j) => (p[k][j] - (j === targets[k] ? 1 : 0)) / N);
  const C = countsOf(W, idx, targets);
  const n = C.map(sum);
  const softmax = W.map(softmaxOf);
  const dW_counts = gradientOf(softmax, C, N);
  const first = adamw(W, dW_counts, zerosLike(W), zerosLike(W), 1, scalars);
  return {
    W, logits, z, e, s, log_s, logp, picked, loss, dloss, dpicked, dlogp, dlog_s, ds, de, dz, dlogits, dW,
    p, dlogits_fused, C, n, softmax, dW_counts, g: dW_counts, ...first,
  };
}

function countsOf(W, idx, targets) {
  const C = zerosLike(W);
  idx.forEach((i, k) => { C[i][targets[k]] += 1; });
  return C;
}

function softmaxOf(row) {
  const e = row.map((score) => Math.exp(score - Math.max(...row)));
  return e.map((part) => part / sum(e));
}

function gradientOf(softmax, C, N) {
  return C.map((row, i) => row.map((count, j) => (sum(row) * softmax[i][j] - count) / N));
}

// One step of impl_numpy/adamw.py, with all that it computes on its way.
function adamw(W, g, m, v, t, { lr, beta1, beta2, eps, weight_decay }) {
  const each = (make) => W.map((row, i) => row.map((_, j) => make(i, j)));
  const decayed = each((i, j) => W[i][j] * (1 - lr * weight_decay));
  const exp_avg = each((i, j) => m[i][j] + (1 - beta1) * (g[i][j] - m[i][j]));
  const exp_avg_sq = each((i, j) => v[i][j] * beta2 + (1 - beta2) * g[i][j] * g[i][j]);
  const denominator = each((i, j) => Math.sqrt(exp_avg_sq[i][j]) / Math.sqrt(1 - beta2 ** t) + eps);
  const update = each((i, j) => ((lr / (1 - beta1 ** t)) * exp_avg[i][j]) / denominator[i][j]);
  const W_after = each((i, j) => decayed[i][j] - update[i][j]);
  return { decayed, exp_avg, exp_avg_sq, denominator, update, W_after };
}

// Loss, table, probabilities and gradient after 0, 1, 2, ... updates, each on all pairs.
function trainingOf(W, { idx, targets, scalars }, steps) {
  const C = countsOf(W, idx, targets);
  const history = { loss: [], W: [], p: [], dW: [] };
  let state = { W_after: W, exp_avg: zerosLike(W), exp_avg_sq: zerosLike(W) };
  for (let step = 0; step <= steps; step += 1) {
    const now = state.W_after;
    const p = now.map(softmaxOf);
    const dW = gradientOf(p, C, scalars.N);
    const lost = C.flatMap((row, i) => row.map((count, j) => (count ? count * logSoftmax(now[i], j) : 0)));
    history.loss.push(-sum(lost) / scalars.N);
    history.W.push(now);
    history.p.push(p);
    history.dW.push(dW);
    state = adamw(now, dW, state.exp_avg, state.exp_avg_sq, step + 1, scalars);
  }
  return history;
}

// Not log(softmax): that is log(0) where a probability underflows.
function logSoftmax(row, j) {
  const top = Math.max(...row);
  return row[j] - top - Math.log(sum(row.map((score) => Math.exp(score - top))));
}

// A number in one of Python's formats .4f, .5g and g; never -0.
function written(value, format) {
  const digits = Number((format.match(/\d+/) || [6])[0]);
  const text = format.endsWith("f") ? fixed(value, digits) : general(value, digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

// A number in the middle between two goes to the even one, as in Python.
function fixed(value, digits) {
  const rounded = value.toFixed(digits);
  const exact = value.toFixed(100);
  const middle = /^50*$/.test(exact.slice(exact.length - 100 + digits));
  const odd = Number(rounded.at(-1)) % 2 === 1;
  return middle && odd ? (value - Math.sign(value) * 0.1 * 10 ** -digits).toFixed(digits) : rounded;
}

function general(value, digits) {
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  const short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent >= -4 && exponent < digits) return short(value.toFixed(digits - 1 - exponent));
  return `${short(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

// How far a reader's number may be from the one shown: a unit of its last digit. Others are exact.
function unitOf(text, format) {
  if (format === ".4f") return 1e-4;
  return format === ".5g" && Number(text) ? 10 ** (Math.floor(Math.log10(Math.abs(Number(text)))) - 4) : 0;
}
