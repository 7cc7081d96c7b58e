//! What a token is worth keeping.

/// The score of a token in one layer, by which tokens are retained: in each KV head `s = w . silu(W x + b)` for its key before RoPE
/// and its value, one below the other, `x = [k; v]`. The tokens with the highest scores stay.
///
/// Shapes are in the order of ggml.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerScore {
    /// KV heads.
    pub n_head_kv: u32,
    /// `[d_k + d_v, n_hidden, n_head_kv]`: W.
    pub map: Vec<f32>,
    /// `[n_hidden, n_head_kv]`: b.
    pub bias: Vec<f32>,
    /// `[n_hidden, n_head_kv]`: w.
    pub weight: Vec<f32>,
}

impl LayerScore {
    /// Hidden units of each KV head; 0 if the lengths do not fit.
    pub fn n_hidden(&self) -> u32 {
        u32::try_from(self.bias.len()).unwrap_or(0).checked_div(self.n_head_kv).unwrap_or(0)
    }

    /// The score of a token whose key before RoPE and value are `x`, `[d_k + d_v]`, in a KV head.
    pub fn of(&self, head: usize, x: &[f32]) -> f32 {
        let n_hidden = self.n_hidden() as usize;
        let unit = |i: usize| {
            let row = head * n_hidden + i;
            let sum: f32 = self.map[row * x.len()..][..x.len()].iter().zip(x).map(|(w, x)| w * x).sum();
            let y = sum + self.bias[row];
            self.weight[row] * y / (1.0 + (-y).exp())
        };
        (0..n_hidden).map(unit).sum()
    }
}
