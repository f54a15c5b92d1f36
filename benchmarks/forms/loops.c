/* The training step as plain loops: the measured floor of docs/cost.md. Built by loops.py.
 *
 * It does the work of impl_numpy in float32, one row after the other. It checks no id and
 * allocates nothing: `work` is scratch of the caller's.
 *
 *   forward, gradient      per token, as impl_numpy/cross_entropy.py
 *   adamw                  as impl_numpy/adamw.py, all of it in one pass
 *   step                   gradient, then adamw
 *   step_counted           pair counts: of each row that occurs one softmax, and AdamW of the row
 *                          while it is in the cache; W, m and v pass through memory once
 */

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
} Config;

/* One float after the other loses digits in a row of thousands; -ffast-math adds in many lanes. */
#ifdef __FAST_MATH__
typedef float Sum;
#else
typedef double Sum;
#endif

void empty(void) {}

/* p = exp(row - max), unnormalised; returns its sum and the max. */
static float exponentials(const float *row, float *p, int64_t V, float *largest) {
    float max = row[0];
    Sum sum = 0;
    for (int64_t j = 1; j < V; j++) max = row[j] > max ? row[j] : max;
    for (int64_t j = 0; j < V; j++) p[j] = expf(row[j] - max);
    for (int64_t j = 0; j < V; j++) sum += p[j];
    *largest = max;
    return sum;
}

double forward(int64_t N, int64_t V, const float *W, const int64_t *idx, const int64_t *targets,
               float *work) {
    double loss = 0;
    for (int64_t k = 0; k < N; k++) {
        const float *row = W + idx[k] * V;
        float max, sum = exponentials(row, work, V, &max);
        loss += logf(sum) - (row[targets[k]] - max);
    }
    return loss / N;
}

double gradient(int64_t N, int64_t V, const float *W, const int64_t *idx, const int64_t *targets,
                float *dW, float *work) {
    double loss = 0;
    memset(dW, 0, V * V * sizeof(float));
    for (int64_t k = 0; k < N; k++) {
        const float *row = W + idx[k] * V;
        float *d = dW + idx[k] * V, max, sum = exponentials(row, work, V, &max);
        float scale = 1 / (sum * N);
        for (int64_t j = 0; j < V; j++) d[j] += work[j] * scale;
        d[targets[k]] -= 1.0f / N;
        loss += logf(sum) - (row[targets[k]] - max);
    }
    return loss / N;
}

/* The scalars of one step, worked out in double precision and each rounded once. */
typedef struct {
    float decay, one_minus_beta1, beta2, one_minus_beta2, rate, root, eps;
} Settings;

static Settings at_step(const Config *c, int64_t t) {
    Settings s = {1 - c->lr * c->weight_decay, 1 - c->beta1, c->beta2, 1 - c->beta2,
                  c->lr / (1 - pow(c->beta1, t)), sqrt(1 - pow(c->beta2, t)), c->eps};
    return s;
}

static void update(int64_t size, float *restrict W, float *restrict m, float *restrict v,
                   const float *restrict g, const Settings s) {
    for (int64_t j = 0; j < size; j++) {
        m[j] += s.one_minus_beta1 * (g[j] - m[j]);
        v[j] = s.beta2 * v[j] + s.one_minus_beta2 * g[j] * g[j];
        W[j] *= s.decay;
        W[j] -= s.rate * m[j] / (sqrtf(v[j]) / s.root + s.eps);
    }
}

void adamw(int64_t V, float *W, float *m, float *v, const float *g, const Config *c, int64_t t) {
    update(V * V, W, m, v, g, at_step(c, t));
}

double step(int64_t N, int64_t V, float *W, float *m, float *v, float *dW, const int64_t *idx,
            const int64_t *targets, const Config *c, int64_t t, float *work) {
    double loss = gradient(N, V, W, idx, targets, dW, work);
    update(V * V, W, m, v, dW, at_step(c, t));
    return loss;
}

/* counts (V, V) is zero before and after; n (V). */
double step_counted(int64_t N, int64_t V, float *W, float *m, float *v, float *counts,
                    const int64_t *idx, const int64_t *targets, const Config *c, int64_t t, float *work,
                    int64_t *n) {
    const Settings s = at_step(c, t);
    double loss = 0;
    memset(n, 0, V * sizeof(int64_t));
    for (int64_t k = 0; k < N; k++) {
        counts[idx[k] * V + targets[k]]++;
        n[idx[k]]++;
        loss -= W[idx[k] * V + targets[k]];
    }
    for (int64_t i = 0; i < V; i++) {
        float *row = W + i * V, *C = counts + i * V;
        if (n[i]) {
            float max, sum = exponentials(row, work, V, &max), scale = n[i] / sum;
            for (int64_t j = 0; j < V; j++) work[j] = (work[j] * scale - C[j]) / N;
            memset(C, 0, V * sizeof(float));
            loss += n[i] * (max + (double)logf(sum));
        } else {
            memset(work, 0, V * sizeof(float));
        }
        update(V, row, m + i * V, v + i * V, work, s);
    }
    return loss / N;
}
