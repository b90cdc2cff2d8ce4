//! What kind of word a list holds, and how an entry of the automaton is packed. The build script uses this file too.

/// Longest key of the lists, letters.
pub const LONGEST_KEY: usize = 48;
/// A cost is kept in steps of this many to one power of ten.
const COST_STEPS: f32 = 25.0;

/// The kind of a word, as the reason on the page names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// A season, month, weekday or feast.
    Calendar,
    /// A football or handball club, or what its fans call it.
    Club,
    /// What administrators hand out: `velkommen`, `kodeord`.
    HandedOut,
    /// A first name or surname.
    Name,
    /// A town, country or street.
    Place,
    /// A Danish word.
    Danish,
    /// An English word.
    English,
    /// A line of a song, a saying, a greeting.
    Phrase,
    /// One of the most used passwords of the world.
    Password,
    /// A word of the municipality: its name, schools, systems.
    Local,
}

impl WordKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Calendar,
        Self::Club,
        Self::HandedOut,
        Self::Name,
        Self::Place,
        Self::Danish,
        Self::English,
        Self::Phrase,
        Self::Password,
        Self::Local,
    ];
}

/// One entry of the automaton: what a key leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Guesses until this word is tried, log10.
    pub cost: f32,
    /// The list that names it.
    pub kind: WordKind,
    /// Where its spelling stands; 0 = spelled as the key.
    pub spelling: u32,
}

impl Entry {
    /// Packs the entry into a value of the automaton: 32 bits spelling, 8 bits kind, 8 bits cost.
    pub fn pack(self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
        let cost = (self.cost * COST_STEPS).round().clamp(0.0, 255.0) as u8;
        u64::from(self.spelling) << 16 | (self.kind as u64) << 8 | u64::from(cost)
    }

    /// Reads what [`Entry::pack`] wrote.
    pub fn unpack(value: u64) -> Self {
        let [cost, kind, ..] = value.to_le_bytes();
        let kind = WordKind::ALL.get(usize::from(kind)).copied().unwrap_or(WordKind::Password);
        let spelling = u32::try_from(value >> 16 & u64::from(u32::MAX)).unwrap_or(0);
        Self { cost: f32::from(cost) / COST_STEPS, kind, spelling }
    }
}
