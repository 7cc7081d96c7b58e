//! The choice of the next token.

use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::{LlamaError, Token, Vocab};

/// How the next token is chosen. The default is greedy with a repetition penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerParams {
    /// Divisor of the logits of tokens that were used; 1 turns it off.
    pub repeat_penalty: f32,
    /// How many of the last generated tokens count as used.
    pub repeat_last_n: u16,
    /// Temperature; 0 takes the likeliest token.
    pub temperature: f32,
    /// Above temperature 0: choose among the likeliest tokens that have this probability together.
    pub top_p: f32,
    /// Above temperature 0: start of the random numbers.
    pub seed: u32,
}

impl Default for SamplerParams {
    fn default() -> Self {
        // keeps SmolLM2-135M from looping and leaves its wording alone
        Self { repeat_penalty: 1.15, repeat_last_n: 256, temperature: 0.0, top_p: 0.95, seed: 0 }
    }
}

/// Chooses tokens from logits; remembers what it chose.
#[derive(Debug)]
pub struct Sampler {
    chain: LlamaSampler,
    candidates: LlamaTokenDataArray,
}

impl Sampler {
    /// A sampler for the tokens of `vocab`.
    ///
    /// # Errors
    /// [`LlamaError::Sampler`] for a penalty that is not positive.
    pub fn new(vocab: Vocab<'_>, params: SamplerParams) -> Result<Self, LlamaError> {
        if !(params.repeat_penalty > 0.0 && params.repeat_penalty.is_finite()) {
            return Err(LlamaError::Sampler(format!("repetition penalty {}", params.repeat_penalty)));
        }
        let n_vocab = vocab.n_tokens();
        let penalties = LlamaSampler::penalties(
            i32::try_from(n_vocab).unwrap_or(i32::MAX),
            i32::from(params.repeat_last_n),
            params.repeat_penalty,
            0.0,
            0.0,
        );
        let chain = if params.temperature > 0.0 {
            LlamaSampler::chain_simple([
                penalties,
                LlamaSampler::top_p(params.top_p, 1),
                LlamaSampler::temp(params.temperature),
                LlamaSampler::dist(params.seed),
            ])
        } else {
            LlamaSampler::chain_simple([penalties, LlamaSampler::greedy()])
        };
        Ok(Self { chain, candidates: LlamaTokenDataArray::new(Vec::with_capacity(n_vocab), false) })
    }

    /// Chooses from the logits of one position and remembers the choice.
    pub fn sample(&mut self, logits: &[f32]) -> Token {
        let entries = logits.iter().zip(0..).map(|(&logit, id)| LlamaTokenData::new(LlamaToken(id), logit, 0.0));
        self.candidates.data.clear();
        self.candidates.data.extend(entries);
        self.candidates.selected = None;
        self.candidates.sorted = false;
        self.chain.apply(&mut self.candidates);
        let token = self.candidates.selected_token().unwrap_or(LlamaToken(0));
        self.chain.accept(token);
        token.0
    }
}
