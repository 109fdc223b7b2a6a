//! A snapshot in place of what has grown.

use std::io;

use super::super::manifest::{FileKind, Segment};
use super::{BaseForm, Beginning, Log, LogError, Rewrite};
use crate::disk::Disk;

impl<D: Disk> Log<D> {
    /// From now on writes go to a new increment, which begins there; the caller takes a snapshot of this very moment.
    pub fn begin_rewrite(
        &mut self,
        beginning: Beginning,
        form: BaseForm,
    ) -> Result<Rewrite, LogError> {
        self.sync()?;
        let (segment, file) = self.place.create_increment(&self.manifest, beginning)?;
        let (first_increment, length) = (segment.seq, segment.preamble);
        let mut manifest = self.manifest.clone();
        manifest.increments.push(segment);
        self.place.write_manifest(&manifest)?;
        self.manifest = manifest;
        self.file = file;
        self.earlier += std::mem::replace(&mut self.length, length);
        Ok(self.rewrite(first_increment, form))
    }

    /// The snapshot of `rewrite` is written and synced: it takes the place of everything before it, which is history.
    pub fn finish_rewrite(&mut self, rewrite: &Rewrite) -> Result<(), LogError> {
        let seq = self.manifest.next_seq(FileKind::Base);
        let base = Segment {
            file: format!(
                "{}.{seq}.base.{}",
                self.place.name,
                rewrite.form.extension()
            ),
            seq,
            kind: FileKind::Base,
            start_offset: None,
            preamble: 0,
        };
        let path = self.place.path(&base.file);
        let done = self.put_in_place(rewrite, base);
        if done.as_ref().is_err_and(|error| !error.is_final()) {
            // No manifest names it, and one of the two is not there: it would only take room.
            let _ = self.place.disk.remove(&rewrite.temporary);
            let _ = self.place.disk.remove(&path);
        }
        done
    }

    fn put_in_place(&mut self, rewrite: &Rewrite, base: Segment) -> Result<(), LogError> {
        let (temporary, path) = (&rewrite.temporary, self.place.path(&base.file));
        let renamed = self.place.disk.rename(temporary, &path);
        renamed.map_err(|error| LogError::Io("rename", temporary.clone(), error))?;
        // The name must be durable before a manifest relies on it.
        self.place.sync_dir()?;
        let mut manifest = self.manifest.clone();
        let old_base = manifest.base.replace(base);
        let is_old = |segment: &Segment| segment.seq < rewrite.first_increment;
        let old = manifest
            .increments
            .extract_if(.., |segment| is_old(segment));
        let old: Vec<Segment> = old_base.into_iter().chain(old).collect();
        for mut segment in old {
            segment.kind = FileKind::History;
            manifest.history.push(segment);
        }
        let mut earlier = 0;
        for segment in manifest.base.iter().chain(&manifest.increments) {
            earlier += self.place.length(segment)?;
        }
        self.place.write_manifest(&manifest)?;
        self.manifest = manifest;
        self.earlier = earlier - self.length;
        Ok(())
    }

    /// Removes the files that do not count any more. After an error that is not final they stay until the next call.
    pub fn remove_history(&mut self) -> Result<(), LogError> {
        if self.manifest.history.is_empty() {
            return Ok(());
        }
        for segment in &self.manifest.history {
            let path = self.place.path(&segment.file);
            match self.place.disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LogError::Io("remove", path, error));
                }
                _ => {}
            }
        }
        let mut manifest = self.manifest.clone();
        manifest.history.clear();
        self.place.write_manifest(&manifest)?;
        self.manifest = manifest;
        Ok(())
    }
}
