//! `config.json`: the shape of the model.

use serde::Deserialize;

use super::BertError;

/// What is needed of it, by its names there. Unknown keys are about training.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    model_type: String,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    /// Width of the hidden state.
    pub hidden_size: u32,
    /// Width within the feed-forward network.
    pub intermediate_size: u32,
    /// Layers.
    pub num_hidden_layers: u32,
    /// Heads of each layer.
    pub num_attention_heads: u32,
    /// Longest sequence in tokens.
    pub max_position_embeddings: u32,
    /// Kinds of sentences; only the first is used.
    pub type_vocab_size: u32,
    /// Added to the variance in each layer norm.
    pub layer_norm_eps: f32,
}

fn absolute() -> String {
    "absolute".into()
}

impl Config {
    pub(super) fn parse(text: &str) -> Result<Self, BertError> {
        let config: Self = serde_json::from_str(text).map_err(|error| BertError::Config(error.to_string()))?;
        // what llama.cpp computes for this architecture
        for (key, found, expected) in [
            ("model_type", &config.model_type, "bert"),
            ("hidden_act", &config.hidden_act, "gelu"),
            ("position_embedding_type", &config.position_embedding_type, "absolute"),
        ] {
            if found != expected {
                let found = found.escape_debug();
                return Err(BertError::Config(format!("{key} is '{found}', and only '{expected}' is known")));
            }
        }
        let sizes = [
            config.hidden_size,
            config.intermediate_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.max_position_embeddings,
            config.type_vocab_size,
        ];
        // above any model of this kind; keeps products of two within 64 bits
        let is_odd = sizes.iter().any(|&size| size == 0 || size > 1 << 20);
        if is_odd || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(BertError::Config("its sizes are those of no model".into()));
        }
        Ok(config)
    }
}
