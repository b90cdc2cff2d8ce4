// Storage of the library: clients are files, read at every use, so that a test can add one while the provider runs. The rest is in memory.
import fs from 'node:fs';
import path from 'node:path';

const memory = new Map();

export const adapter = (clients) =>
  class {
    constructor(model) {
      this.model = model;
    }

    key(id) {
      return `${this.model}:${id}`;
    }

    async upsert(id, payload, expiresIn) {
      memory.set(this.key(id), { payload, ends: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    }

    async find(id) {
      if (this.model === 'Client') {
        const file = path.join(clients, `${path.basename(id)}.json`);
        return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : undefined;
      }
      const kept = memory.get(this.key(id));
      return kept && kept.ends > Date.now() ? kept.payload : undefined;
    }

    async findByUid(uid) {
      for (const [key, { payload, ends }] of memory) if (key.startsWith(`${this.model}:`) && payload.uid === uid && ends > Date.now()) return payload;
      return undefined;
    }

    async consume(id) {
      const kept = memory.get(this.key(id));
      if (kept) kept.payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      memory.delete(this.key(id));
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of memory) if (payload.grantId === grantId) memory.delete(key);
    }
  };
