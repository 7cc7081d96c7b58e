//! Where a fit goes on: the gate, what the optimizer remembers, and how many steps were made.

use std::path::{Path, PathBuf};

use super::adam::{Adam, parts, parts_mut};
use super::error::TrainError;
use super::pass::LayerGates;
use crate::gguf::{Gguf, GgufWriter, TensorData};

/// Keys.
const STEP: &str = "edgeinf.train.step";
const RUN: &str = "edgeinf.train.run";

/// The checkpoint beside a gate.
pub fn path_of(gate: &Path) -> PathBuf {
    beside(gate, "checkpoint")
}

/// The file beside `NAME.gguf` that is called `NAME.` and something else; other names stay whole before it.
pub fn beside(gate: &Path, extension: &str) -> PathBuf {
    let stem = if gate.extension().is_some_and(|e| e == "gguf") { gate.with_extension("") } else { gate.to_owned() };
    let mut name = stem.into_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Writes a checkpoint: the old one or the new one is there afterwards, whole. `run` says what it belongs to.
///
/// # Errors
/// [`TrainError::Gguf`].
pub fn save(path: &Path, run: &str, fitted: &LayerGates, adam: &Adam) -> Result<(), TrainError> {
    let mut out = GgufWriter::new();
    out.set("general.type", "edgeinf.checkpoint");
    out.set(RUN, run);
    out.set(STEP, adam.step);
    for (set, gates) in [("fitted", fitted), ("mean", &adam.mean), ("square", &adam.square)] {
        for (il, gate) in gates {
            for (_, part, values) in parts(gate) {
                out.tensor(name(set, *il, part), &[values.len() as u64], TensorData::F32(values.to_vec()));
            }
        }
    }
    Ok(out.write_to(path)?)
}

/// Reads a checkpoint into gates of the same shape.
///
/// # Errors
/// [`TrainError::OtherRun`] if it belongs to something else, [`TrainError::Gguf`].
pub fn load(path: &Path, run: &str, fitted: &mut LayerGates) -> Result<Adam, TrainError> {
    let gguf = Gguf::open(path)?;
    let other = |what| TrainError::OtherRun { path: path.to_owned(), what };
    if gguf.get_str(RUN)? != run {
        return Err(other("model, material, seed, sizes, map, layers or weights of the loss"));
    }
    let mut adam = Adam::new(fitted);
    adam.step = gguf.get_u64(STEP)?;
    for (set, gates) in [("fitted", fitted), ("mean", &mut adam.mean), ("square", &mut adam.square)] {
        for (il, gate) in gates {
            for (_, part, values) in parts_mut(gate) {
                let found = gguf.tensor_f32(&name(set, *il, part))?;
                if found.len() != values.len() {
                    return Err(other("another shape of the gate"));
                }
                values.copy_from_slice(&found);
            }
        }
    }
    Ok(adam)
}

fn name(set: &str, il: u32, part: &str) -> String {
    format!("{set}.{il}.{part}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::gate::LayerGate;
    use crate::train::test_values::values;

    fn gates(seed: u64) -> LayerGates {
        let gate = |seed| LayerGate {
            w: values(8, seed),
            a: values(2, seed + 1),
            b: values(2, seed + 2),
            c: values(2, seed + 3),
            map_q: Some(values(16, seed + 4)),
            map_k: Some(values(8, seed + 5)),
        };
        LayerGates::from([(0, gate(seed)), (7, gate(seed + 10))])
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(&dir.path().join("a.gguf"));
        assert!(path.ends_with("a.checkpoint"));
        assert_eq!(beside(Path::new("x/gate.v2"), "log.jsonl"), Path::new("x/gate.v2.log.jsonl"));
        let adam = Adam { step: 42, mean: gates(100), square: gates(200) };
        save(&path, "run", &gates(1), &adam).unwrap();
        let mut fitted = gates(5);
        assert_eq!(load(&path, "run", &mut fitted).unwrap(), adam);
        assert_eq!(fitted, gates(1));
        let error = load(&path, "another", &mut fitted).unwrap_err().to_string();
        assert!(error.contains("other arguments") && error.contains("--resume"), "{error}");
    }
}
