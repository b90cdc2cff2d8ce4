//! The importer of leaked passwords and the reader of the list: no input panics, and an imported list is valid and has one hash
//! for each line of the source that is not padding.
#![no_main]

use std::{fs, io, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use os2nykode::leaked::{Import, List, ReadAt, import, verify};
use ring::rand::SystemRandom;
use tempfile::TempDir;

/// In memory, if `/dev/shm` exists.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder"));

struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = self.0.get(from..from.saturating_add(buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("written");
}

fuzz_target!(|data: &[u8]| {
    let (source, target) = (FOLDER.path().join("source"), FOLDER.path().join("list"));
    write(&source, data);
    let _ = fs::remove_file(&target);
    let job = Import { source: &source, target: &target, partial: true, sha256: None, restart: true, checkpoint_pages: 1 };
    if let Ok(imported) = import(&job, jiff::Timestamp::UNIX_EPOCH, &SystemRandom::new(), &mut |_| ()) {
        assert_eq!(verify(&target, &mut |_| ()).expect("sound"), imported.header);
        if !data.starts_with(&[0x1f, 0x8b]) {
            let text = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
            let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty());
            let padding = |line: &&[u8]| line.rsplit(|byte| *byte == b':').next().is_some_and(|count| count.len() < 20 && count.iter().all(|c| *c == b'0'));
            assert_eq!(imported.header.hashes, lines.filter(|line| !padding(line)).count() as u64);
        }
        // Verification detects a flipped bit anywhere in the list.
        let mut bytes = fs::read(&target).expect("a list");
        let at = data.iter().fold(data.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte))) % bytes.len();
        bytes[at] ^= 1;
        write(&target, &bytes);
        assert!(verify(&target, &mut |_| ()).is_err());
    } else {
        assert!(!target.exists());
    }
    let _ = List::over(Box::new(Memory(data.to_vec())), data.len() as u64);
});
