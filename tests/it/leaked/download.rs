//! Files in the formats of the public downloaders: real vectors among random digests, sorted, with counts.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use os2nykode::{
    clock::{Clock, SystemClock},
    leaked::{HashKind, Import, ImportError, ImportedList, List, Offline, import},
};
use ring::{
    digest::{SHA1_FOR_LEGACY_USE_ONLY, digest},
    rand::SystemRandom,
};

use super::{
    password,
    vectors::{VECTORS, Vector},
};

/// A folder with a download and room for a list.
pub struct Workshop {
    pub folder: tempfile::TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn target(&self) -> PathBuf {
        self.path("leaked.list")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Imports the source as the command does.
    pub fn import(&self, source: &Path) -> Result<ImportedList, ImportError> {
        import(&job(source, &self.target()), SystemClock.now(), &SystemRandom::new(), &mut |_| ())
    }

    pub fn import_part(&self, source: &Path) -> Result<ImportedList, ImportError> {
        let target = self.target();
        let job = Import { partial: true, ..job(source, &target) };
        import(&job, SystemClock.now(), &SystemRandom::new(), &mut |_| ())
    }

    /// Whether no work file is left.
    pub fn is_tidy(&self) -> bool {
        !self.path("leaked.list.part").exists() && !self.path("leaked.list.part.json").exists()
    }

    /// The list in use.
    pub fn offline(&self) -> Offline {
        Offline::over(List::open(&self.target()).expect("a list"))
    }
}

/// The command's import job, with many checkpoints.
pub fn job<'a>(source: &'a Path, target: &'a Path) -> Import<'a> {
    Import { source, target, partial: false, sha256: None, restart: false, checkpoint_pages: 16 }
}

pub fn digits(vector: &Vector, kind: HashKind) -> &'static str {
    match kind {
        HashKind::Sha1 => vector.sha1,
        HashKind::Nt => vector.nt,
    }
}

/// The digests of "1", "2", …, which belong to no vector.
pub fn filler(number: u64, kind: HashKind) -> String {
    let bytes = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("filler {number}").as_bytes());
    data_encoding::HEXUPPER.encode(&bytes.as_ref()[..kind.digits() / 2])
}

/// Sorted digests and counts: the vectors, and so many others.
pub fn entries(kind: HashKind, fillers: u64) -> BTreeMap<String, u64> {
    let known = VECTORS.iter().map(|vector| (digits(vector, kind).to_owned(), vector.count));
    known.chain((0..fillers).map(|number| (filler(number, kind), number % 300 + 1))).collect()
}

pub fn lines(entries: &BTreeMap<String, u64>, end: &str) -> String {
    entries.iter().map(|(digest, count)| format!("{digest}:{count}{end}")).collect()
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("compressed");
    encoder.finish().expect("compressed")
}

/// Asserts that the list contains every vector and no other password.
pub async fn holds_the_vectors(offline: &Offline) {
    for vector in VECTORS {
        let found = offline.look_up(&password(vector.text)).await.expect("an answer");
        assert_eq!(found, Some(vector.count), "{}", vector.text);
    }
    for text in ["correct horse battery staple", "Password", "password ", "Vinter1899 og intet andet"] {
        assert_eq!(offline.look_up(&password(text)).await.expect("an answer"), None, "{text}");
    }
}
