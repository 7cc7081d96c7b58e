//! Tensors of a decode as they are computed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use edgeinf::llama::EvalCallback;

/// Data by name, like `Kcur-0`; batches one behind the other.
#[derive(Default, Clone)]
pub struct Capture(Rc<RefCell<HashMap<String, Vec<f32>>>>);

/// What is captured. Of `Qcur` and `Kcur` what goes into RoPE; `X` stands for `Xcur` and `Xcur_normed`.
const WANTED: &[&str] = &[
    "Qcur",
    "Kcur",
    "Vcur",
    "Qcur_normed",
    "Kcur_normed",
    "kqv_out",
    "edgeinf_num",
    "edgeinf_den",
    "edgeinf_gate",
    "edgeinf_out",
];

impl Capture {
    pub fn callback(&self) -> EvalCallback {
        let store = Rc::clone(&self.0);
        // a name is given to several nodes in turn (product, bias, RoPE); the last one before RoPE counts
        let mut open: HashMap<String, usize> = HashMap::new();
        let mut previous = String::new();
        Box::new(move |tensor| {
            let Some((stem, _)) = tensor.name.rsplit_once('-') else { return false };
            let wanted = WANTED.contains(&stem)
                && (stem == "kqv_out"
                    || !matches!(tensor.op, "ROPE" | "RESHAPE" | "VIEW" | "PERMUTE" | "TRANSPOSE" | "NONE"));
            if wanted && let Some(data) = tensor.data {
                let mut store = store.borrow_mut();
                let all = store.entry(tensor.name.to_owned()).or_default();
                if previous == tensor.name {
                    all.truncate(open[tensor.name]);
                }
                open.insert(tensor.name.to_owned(), all.len());
                all.extend(data);
                previous = tensor.name.to_owned();
            }
            wanted
        })
    }

    /// Takes what was captured of a tensor.
    pub fn take(&self, name: &str, il: usize) -> Vec<f32> {
        self.take_any(name, il).unwrap_or_else(|| panic!("{name}-{il} was not captured"))
    }

    /// The same, if it was captured.
    pub fn take_any(&self, name: &str, il: usize) -> Option<Vec<f32>> {
        self.0.borrow_mut().remove(&format!("{name}-{il}"))
    }

    /// Q, K and V of a layer before RoPE, after a norm if there is one.
    pub fn take_qkv(&self, il: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let normed = self.0.borrow().contains_key(&format!("Qcur_normed-{il}"));
        let (q, k) = if normed { ("Qcur_normed", "Kcur_normed") } else { ("Qcur", "Kcur") };
        (self.take(q, il), self.take(k, il), self.take("Vcur", il))
    }

    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
