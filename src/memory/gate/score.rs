//! What a token is worth keeping.

/// The score of a token in one layer, by which tokens are retained: in each KV head `s = w . silu(W x + b)` for its key before RoPE, its
/// value and the logarithm of its age, one below the other, `x = [k; v; ln(min(age, age_max))]`. The newest token that was read has age 1.
/// The tokens with the highest scores stay.
///
/// Shapes are in the order of ggml.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerScore {
    /// KV heads.
    pub n_head_kv: u32,
    /// Ages beyond it, which were not seen when it was fitted, count as it does.
    pub age_max: u32,
    /// `[d_k + d_v + 1, n_hidden, n_head_kv]`: W.
    pub map: Vec<f32>,
    /// `[n_hidden, n_head_kv]`: b.
    pub bias: Vec<f32>,
    /// `[n_hidden, n_head_kv]`: w.
    pub weight: Vec<f32>,
    /// How many tokens are retained in this layer, as a multiple of the mean over layers.
    pub share: f32,
}

impl LayerScore {
    /// Hidden units of each KV head; 0 if the lengths do not fit.
    pub fn n_hidden(&self) -> u32 {
        u32::try_from(self.bias.len()).unwrap_or(0).checked_div(self.n_head_kv).unwrap_or(0)
    }

    /// The score of a token of this age whose key before RoPE and value are `kv`, `[d_k + d_v]`, in a KV head.
    pub fn of(&self, head: usize, kv: &[f32], age: u32) -> f32 {
        let n_hidden = self.n_hidden() as usize;
        let x = &[kv, &[(age.clamp(1, self.age_max.max(1)) as f32).ln()]].concat();
        let unit = |i: usize| {
            let row = head * n_hidden + i;
            let sum: f32 = self.map[row * x.len()..][..x.len()].iter().zip(x).map(|(w, x)| w * x).sum();
            let y = sum + self.bias[row];
            self.weight[row] * y / (1.0 + (-y).exp())
        };
        (0..n_hidden).map(unit).sum()
    }
}
