//! The anchor: the last checkpoint that this machine has signed, in a file that the database's password does not reach.
//!
//! Invariants:
//! - The file is replaced as a whole, and on disk when the call returns.
//! - A fault of the chain that an instance has found stays in the file until an operator has decided by a command.
//! - An unreadable file counts as a fault.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

use crate::audit::{
    AuditLog,
    chain::{checkpoints::vouched_by, hash::START, head::ChainHead},
    export::json_lines::Checkpoint,
};
use crate::store::StoreError;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The last checkpoint; absent before the first one.
    pub checkpoint: Option<Checkpoint>,
    /// The sequence number that has shown a fault of the chain; absent where an operator has decided, or none was found.
    pub changed: Option<i64>,
}

/// The file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
pub struct AnchorError(PathBuf, std::io::Error);

/// The file of the anchor.
#[derive(Debug, Clone)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The anchor; `None` where no instance has run here yet.
    pub fn read(&self) -> Result<Option<Anchor>, AnchorError> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| self.failed(error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Replaces the anchor. On disk when it returns.
    pub fn write(&self, anchor: &Anchor) -> Result<(), AnchorError> {
        let mut beside = self.0.as_os_str().to_owned();
        beside.push(".new");
        let replace = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&serde_json::to_vec(anchor)?)?;
            file.sync_all()?;
            fs::rename(&beside, &self.0)?;
            File::open(self.folder())?.sync_all()
        };
        replace().map_err(|error| self.failed(error))
    }

    /// Whether this user may create files in the folder. Nothing is written.
    ///
    /// # Errors
    /// [`AnchorError`] where the folder does not exist or is not writable: then no anchor can be kept.
    pub fn is_writable(&self) -> Result<(), AnchorError> {
        access(self.folder(), Access::WRITE_OK | Access::EXEC_OK).map_err(|error| self.failed(error.into()))
    }

    fn folder(&self) -> &Path {
        self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn failed(&self, error: std::io::Error) -> AnchorError {
        AnchorError(self.0.clone(), error)
    }
}

impl AuditLog {
    /// Sets the file of the anchor.
    #[must_use]
    pub fn anchored(self, file: Option<&Path>) -> Self {
        Self { anchor: file.map(AnchorFile::new), ..self }
    }

    /// The sequence number that shows that the chain is not the one that was signed here, or that a fault was found
    /// before. Both stay until an operator has decided.
    pub(crate) async fn anchor_fault(&self) -> Result<Option<i64>, StoreError> {
        let Some(file) = &self.anchor else { return Ok(None) };
        let anchor = match file.read() {
            Ok(Some(anchor)) => anchor,
            Ok(None) => return Ok(None),
            Err(error) => {
                tracing::error!(error = %error, "anchor of the audit log unreadable; no checkpoint is signed until `os2nykode audit vouch`");
                return Ok(Some(0));
            }
        };
        match (anchor.changed, anchor.checkpoint) {
            (Some(number), _) => Ok(Some(number)),
            (None, Some(checkpoint)) => self.missing_checkpoint(&checkpoint).await,
            (None, None) => Ok(None),
        }
    }

    /// The sequence number that shows that a checkpoint that was kept outside the database is not in the chain.
    pub(crate) async fn missing_checkpoint(&self, kept: &Checkpoint) -> Result<Option<i64>, StoreError> {
        match vouched_by(&self.known, kept) {
            Some(signed) => self.missing_end(signed).await,
            None => Ok(Some(kept.number)),
        }
    }

    /// Moves the anchor to a checkpoint that was just signed. A failure is reported: the old anchor stays valid.
    pub(crate) fn cast_anchor(&self, checkpoint: Checkpoint) {
        self.keep_anchor(&Anchor { checkpoint: Some(checkpoint), changed: None });
    }

    /// Notes a fault of the chain in the anchor, so that a restart does not forget it.
    pub(crate) fn mark_changed(&self, number: i64) {
        let Some(file) = &self.anchor else { return };
        let before = file.read().ok().flatten();
        if before.as_ref().is_some_and(|anchor| anchor.changed.is_some()) {
            return;
        }
        self.keep_anchor(&Anchor { checkpoint: before.and_then(|anchor| anchor.checkpoint), changed: Some(number) });
    }

    fn keep_anchor(&self, anchor: &Anchor) {
        let Some(file) = &self.anchor else { return };
        if let Err(error) = file.write(anchor) {
            metrics::counter!("os2nykode_audit_anchor_failures_total").increment(1);
            tracing::error!(error = %error, "anchor of the audit log could not be written; a cut-off log may go unnoticed after a restart");
        }
    }

    /// The end that the anchor names; the beginning where it names none.
    pub fn anchored_end(&self) -> Option<ChainHead> {
        let anchor = self.anchor.as_ref()?.read().ok()??;
        let checkpoint = anchor.checkpoint?;
        vouched_by(&self.known, &checkpoint).or(Some(ChainHead { number: checkpoint.number, link: START }))
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::chain::anchor::*;

    #[test]
    fn an_anchor_is_read_as_it_was_written_and_garbage_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AnchorFile::new(&folder.path().join("audit.anchor"));
        assert_eq!(file.read().expect("read"), None);
        let checkpoint = Checkpoint { number: 7, at: 8, chain: vec![1; 32], key_id: "k".to_owned(), signature: vec![2; 64] };
        for anchor in [Anchor { checkpoint: Some(checkpoint), changed: None }, Anchor { checkpoint: None, changed: Some(3) }] {
            file.write(&anchor).expect("written");
            assert_eq!(file.read().expect("read"), Some(anchor));
        }
        file.is_writable().expect("writable");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "nothing is left beside it");
        fs::write(file.path(), b"{}x").expect("written");
        file.read().expect_err("garbage");
        AnchorFile::new(Path::new("/nowhere/anchor")).is_writable().expect_err("no folder");
        AnchorFile::new(Path::new("/nowhere/anchor")).write(&Anchor { checkpoint: None, changed: None }).expect_err("no folder");
    }
}
