// Reads a state machine and writes what AWS's language service and asl-validator find wrong with it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.argv[2]);
const { getLanguageService, TextDocument } = require('amazon-states-language-service');
const validate = require('asl-validator');

const text = readFileSync(0, 'utf8');
const document = TextDocument.create('file://machine.asl.json', 'asl', 1, text);
const service = getLanguageService({ aslOptions: { shouldShowStateSnippets: false } });
const found = await service.doValidation(document, service.parseJSONDocument(document));
const checked = validate(JSON.parse(text));
process.stdout.write(JSON.stringify({
  service: found.map((problem) => `${problem.range.start.line + 1}: ${problem.message}`),
  validator: checked.isValid ? [] : checked.errors,
}));
