//! Why an import did not come to its end, in words for the operator.

use std::{io, path::PathBuf};

use super::source::SourceError;
use crate::leaked::list::ListError;

/// Why there is no new list. The one in use is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It can't be looked at.
    #[error("{} {error}", .path.display())]
    ImportSource {
        /// The source.
        path: PathBuf,
        /// Why.
        error: SourceError,
    },
    /// It can't be read on: a disk, a network share, or gzip that is cut off or damaged.
    #[error("{} can't be read: {error}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is something else.
    #[error("{}: line {} is not a hash and a count. The source has to be the text of SHA-1 or NT hashes, or range files; unpack archives first",
        .path.display(), .line.max(&1))]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: u64,
    },
    /// A hash is not above the one before.
    #[error("{}: line {line} is not in order. Take the download that is ordered by hash", .path.display())]
    Unsorted {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: u64,
    },
    /// There is nothing in it.
    #[error("the source holds no hash")]
    Empty,
    /// A range file holds nothing.
    #[error("{} holds no hash: its download failed. With --partial it is left out", .0.display())]
    EmptyRange(PathBuf),
    /// Range files are missing.
    #[error("{0} of 1,048,576 range files are missing. Download them, or use --partial for a list that is known to be a part")]
    MissingRanges(usize),
    /// The hashes do not reach from the first to the last.
    #[error("the source is cut off: its hashes don't reach from the first to the last. Download it again, or use --partial")]
    CutOff,
    /// Its SHA-256 is another.
    #[error("the SHA-256 of the source is another than --sha256")]
    OtherDigest,
    /// A folder has no SHA-256.
    #[error("--sha256 is for a single file, not for a folder")]
    DigestOfFolder,
    /// The list can't be written.
    #[error("the list can't be written: {0}")]
    Target(io::Error),
    /// Where the list would go is something else.
    #[error("the target exists and is no list of leaked passwords; it was not touched")]
    TargetForeign,
    /// There is one already.
    #[error("another import into this file is under way")]
    Busy,
    /// The new list is damaged.
    #[error("the new list did not verify: {0}")]
    Verify(#[from] ListError),
    /// The new list has another header.
    #[error("the new list did not verify: it is not what was written")]
    WrittenOtherwise,
    /// The machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    NoRandomness,
}

impl ImportError {
    /// Could the same command go on where this import ended? Else nothing of it is kept.
    pub(crate) fn can_go_on(&self) -> bool {
        match self {
            Self::Unreadable { error, .. } => {
                !matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
            }
            Self::Target(_) | Self::Busy => true,
            Self::ImportSource { .. }
            | Self::Malformed { .. }
            | Self::Unsorted { .. }
            | Self::Empty
            | Self::EmptyRange(_)
            | Self::MissingRanges(_)
            | Self::CutOff
            | Self::OtherDigest
            | Self::DigestOfFolder
            | Self::TargetForeign
            | Self::Verify(_)
            | Self::WrittenOtherwise
            | Self::NoRandomness => false,
        }
    }
}
