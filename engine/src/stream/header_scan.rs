//! What the headers of a published message ask a stream for, found in one pass over the block without copying.
//!
//! A name counts where it stands directly behind CR LF and directly before a colon, in exactly these letters; spaces
//! before the value are skipped, and the value goes on to the next CR LF. The first line of a name decides, and an
//! empty value is none. [nats-server: header lookup]

/// One header's value: that of the first line with its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Field<'a>(Option<&'a [u8]>);

impl<'a> Field<'a> {
    /// The value, if there is one that is not empty.
    pub(crate) fn get(self) -> Option<&'a [u8]> {
        self.0.filter(|value| !value.is_empty())
    }

    /// Whether the header is there, be it empty.
    pub(crate) fn is_present(self) -> bool {
        self.0.is_some()
    }

    fn set(&mut self, value: &'a [u8]) {
        self.0.get_or_insert(value);
    }
}

/// The headers that mean something to a stream. [reference §4.3]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HeaderScan<'a> {
    pub(crate) message_id: Field<'a>,
    pub(crate) time_to_live: Field<'a>,
    pub(crate) rollup: Field<'a>,
    pub(crate) expected_stream: Field<'a>,
    pub(crate) expected_last_sequence: Field<'a>,
    pub(crate) expected_last_subject_sequence: Field<'a>,
    pub(crate) expected_last_subject_sequence_subject: Field<'a>,
    pub(crate) expected_last_message_id: Field<'a>,
    pub(crate) increment: Field<'a>,
    pub(crate) batch_id: Field<'a>,
    pub(crate) schedule: Field<'a>,
    pub(crate) schedule_time_zone: Field<'a>,
    pub(crate) schedule_next: Field<'a>,
    pub(crate) scheduler: Field<'a>,
    pub(crate) stream_source: Field<'a>,
    /// A line that is not stored as it came.
    pub(crate) needs_cleaning: bool,
}

impl<'a> HeaderScan<'a> {
    /// Reads a raw block, which may hold any bytes.
    pub(crate) fn new(block: &'a [u8]) -> Self {
        let mut scan = Self { needs_cleaning: has_status(block), ..Self::default() };
        for line in lines(block) {
            if let Some((name, value)) = line.strip_prefix(b"Nats-").and_then(split) {
                scan.take(name, value);
            }
        }
        scan
    }

    fn take(&mut self, name: &[u8], value: &'a [u8]) {
        let field = match name {
            b"Msg-Id" => &mut self.message_id,
            b"TTL" => &mut self.time_to_live,
            b"Rollup" => &mut self.rollup,
            b"Expected-Stream" => &mut self.expected_stream,
            b"Expected-Last-Sequence" => &mut self.expected_last_sequence,
            b"Expected-Last-Subject-Sequence" => &mut self.expected_last_subject_sequence,
            b"Expected-Last-Subject-Sequence-Subject" => &mut self.expected_last_subject_sequence_subject,
            b"Expected-Last-Msg-Id" => &mut self.expected_last_message_id,
            b"Incr" => &mut self.increment,
            b"Batch-Id" => &mut self.batch_id,
            b"Schedule" => &mut self.schedule,
            b"Schedule-Time-Zone" => &mut self.schedule_time_zone,
            b"Schedule-Next" => &mut self.schedule_next,
            b"Scheduler" => &mut self.scheduler,
            b"Stream-Source" => &mut self.stream_source,
            b"Request-Info" | b"Trace-Dest" => {
                self.needs_cleaning = true;
                return;
            }
            _ => return,
        };
        field.set(value);
    }
}

/// The lines behind the first one, without their CR LF. The rest behind the last CR LF is one, too.
pub(crate) fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = split_line(block).map(|(_, rest)| rest);
    std::iter::from_fn(move || {
        let block = rest.filter(|rest| !rest.is_empty())?;
        let (line, behind) = split_line(block).map_or((block, None), |(line, behind)| (line, Some(behind)));
        rest = behind;
        Some(line)
    })
}

/// A line's name and value.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let start = value.iter().position(|byte| *byte != b' ').unwrap_or(value.len());
    Some((name, &value[start..]))
}

/// What stands before the first CR LF and behind it.
fn split_line(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let feed = from + memchr::memchr(b'\n', &block[from..])?;
        if feed > 0 && block[feed - 1] == b'\r' {
            return Some((&block[..feed - 1], &block[feed + 1..]));
        }
        from = feed + 1;
    }
}

/// Whether the first line says more than the version.
fn has_status(block: &[u8]) -> bool {
    block.strip_prefix(VERSION).is_some_and(|rest| !rest.starts_with(b"\r") && rest.contains(&b'\r'))
}

/// What every block begins with.
pub(crate) const VERSION: &[u8] = b"NATS/1.0";

#[cfg(test)]
mod tests;
