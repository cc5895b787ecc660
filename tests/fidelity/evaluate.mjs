// Reads {"expressions": [...], "situations": [...]} and writes, for each expression, what each situation gives:
// {"value": ...}, {} for undefined, or {"error": message}.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const jsonata = createRequire(process.argv[2])('jsonata');
const { expressions, situations, now } = JSON.parse(readFileSync(0, 'utf8'));

// What Step Functions adds to JSONata, and a clock that stands still.
function prepare(text) {
  const expression = jsonata(text);
  expression.registerFunction('parse', (json) => (json === undefined ? undefined : JSON.parse(json)));
  expression.registerFunction('uuid', () => randomUUID());
  expression.registerFunction('hash', (value, name) => createHash(name.replace('-', '')).update(value).digest('hex'));
  expression.registerFunction('now', () => new Date(now).toISOString());
  expression.registerFunction('millis', () => now);
  return expression;
}

const answers = [];
for (const text of expressions) {
  const expression = prepare(text);
  const row = [];
  for (const states of situations) {
    try {
      row.push({ value: await expression.evaluate(undefined, { states }) });
    } catch (error) {
      row.push({ error: error.message ?? String(error) });
    }
  }
  answers.push(row);
}
process.stdout.write(JSON.stringify(answers));
