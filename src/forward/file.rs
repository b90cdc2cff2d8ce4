//! A file of JSON Lines, which other programs follow.
//!
//! Invariants: a batch counts as taken once it is on disk; no line is incomplete, not even after a full disk or a crash; a renamed file is
//! closed and a new one created; one write at a time, so that a disk that hangs blocks one thread only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, TryLockError},
};

use crate::forward::{DeliveryError, ForwardMessage};

/// Longest line that the service writes. A file without a line end in its last this many bytes is not ours.
const LONGEST_LINE: u64 = 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Lines {
    path: PathBuf,
    open: Arc<Mutex<Option<File>>>,
}

impl Lines {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: Arc::default() }
    }

    pub(crate) async fn append(&self, parcels: &[ForwardMessage]) -> Result<(), DeliveryError> {
        let text: String = parcels.iter().map(|parcel| format!("{}\n", parcel.body)).collect();
        let lines = self.clone();
        let done = tokio::task::spawn_blocking(move || lines.write(text.as_bytes())).await;
        done.map_err(|_| DeliveryError::File("the task ended unexpectedly".to_owned()))?
            .map_err(|error| DeliveryError::File(error.to_string()))
    }

    /// Tests whether the file can be written, without creating it.
    pub(crate) fn probe(&self) -> Result<(), DeliveryError> {
        let tried = match fs::metadata(&self.path) {
            Ok(about) if about.is_file() => OpenOptions::new().append(true).open(&self.path).map(drop),
            Ok(_) => Err(io::Error::other("is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self
                .folder()
                .and_then(fs::metadata)
                .and_then(|folder| if folder.is_dir() { Ok(()) } else { Err(io::Error::other("its parent is not a folder")) }),
            Err(error) => Err(error),
        };
        tried.map_err(|error| DeliveryError::File(error.to_string()))
    }

    fn folder(&self) -> io::Result<&Path> {
        self.path.parent().ok_or_else(|| io::Error::other("has no folder"))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut open = self.open.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("an earlier write has not finished"),
            TryLockError::Poisoned(_) => io::Error::other("an earlier write ended unexpectedly"),
        })?;
        let mut file = match open.take() {
            Some(file) if self.is_still(&file)? => file,
            Some(_) | None => self.open()?,
        };
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_data()) {
            file.set_len(before)?; // takes the whole batch back; if this fails, the next opening removes the incomplete line
            return Err(error);
        }
        *open = Some(file);
        Ok(())
    }

    /// True if the path still refers to this file.
    fn is_still(&self, file: &File) -> io::Result<bool> {
        let ours = file.metadata()?;
        Ok(fs::metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
    }

    fn open(&self) -> io::Result<File> {
        if fs::metadata(&self.path).is_ok_and(|about| !about.is_file()) {
            return Err(io::Error::other("is not a regular file")); // opening a pipe would block until it has a reader
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        File::open(self.folder()?)?.sync_all()?; // the directory entry of a new file has to be on disk too
        mend(&mut file)?;
        Ok(file)
    }
}

/// Removes an incomplete line that a crash left.
fn mend(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST_LINE);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(LONGEST_LINE).read_to_end(&mut end)?;
    match end.iter().rposition(|byte| *byte == b'\n') {
        Some(at) if at + 1 == end.len() => Ok(()),
        Some(at) => file.set_len(from + at as u64 + 1),
        None if length == 0 => Ok(()),
        None if from == 0 && end.starts_with(b"{") => file.set_len(0),
        None => Err(io::Error::other("is not a file of lines that this service wrote")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::forward::Severity;
    use crate::forward::file::*;

    fn parcel(number: i64) -> ForwardMessage {
        let body = format!("{{\"number\":{number}}}");
        ForwardMessage { number, at: Timestamp::UNIX_EPOCH, name: "x".to_owned(), severity: Severity::Notice, body }
    }

    #[tokio::test]
    async fn lines_are_appended_a_renamed_file_is_let_go_of_and_half_a_line_taken_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let lines = Lines::new(&path);
        lines.probe().expect("could be written");
        assert!(!path.exists(), "nothing was made");
        lines.append(&[parcel(1), parcel(2)]).await.expect("written");
        fs::rename(&path, folder.path().join("audit.jsonl.1")).expect("rotated");
        lines.append(&[parcel(3)]).await.expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "{\"number\":3}\n");
        assert_eq!(fs::read_to_string(folder.path().join("audit.jsonl.1")).expect("text"), "{\"number\":1}\n{\"number\":2}\n");
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o640 & fs::metadata(&path).expect("a file").mode());
        fs::write(&path, "{\"number\":3}\n{\"numb").expect("a crash");
        let after = Lines::new(&path);
        after.append(&[parcel(4)]).await.expect("written");
        assert_eq!(fs::read_to_string(&path).expect("text"), "{\"number\":3}\n{\"number\":4}\n");
    }

    #[tokio::test]
    async fn what_is_not_ours_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other");
        fs::write(&path, "no newline").expect("written");
        assert!(matches!(Lines::new(&path).append(&[parcel(1)]).await, Err(DeliveryError::File(_))));
        assert_eq!(fs::read_to_string(&path).expect("text"), "no newline");
        let nowhere = Lines::new(&folder.path().join("none/audit.jsonl"));
        assert!(nowhere.probe().is_err() && nowhere.append(&[parcel(1)]).await.is_err());
        let directory = Lines::new(folder.path());
        assert!(directory.probe().is_err() && directory.append(&[parcel(1)]).await.is_err());
    }

    #[test]
    fn a_write_that_hangs_holds_up_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = Lines::new(&folder.path().join("audit.jsonl"));
        let hanging = lines.open.lock().expect("alone");
        let error = lines.clone().write(b"{}\n").expect_err("under way");
        assert_eq!(error.to_string(), "an earlier write has not finished");
        drop(hanging);
        lines.write(b"{}\n").expect("written");
    }

    #[tokio::test]
    async fn a_device_is_not_written_to() {
        let device = Lines::new(Path::new("/dev/full"));
        assert_eq!(device.append(&[parcel(1)]).await, Err(DeliveryError::File("is not a regular file".to_owned())));
    }
}
