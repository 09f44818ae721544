// Whether files are OpenAPI documents as the specification's own schema says, references included; tests/e2e/test_openapi.py runs it.
//   node validate.mjs FILE…
import { Validator } from '@seriousme/openapi-schema-validator';

for (const file of process.argv.slice(2)) {
	const validator = new Validator();
	const result = await validator.validate(file);
	if (result.valid)
		validator.resolveRefs();
	else
		process.exitCode = 1;
	console.log(file, validator.version, result.valid ? 'valid' : JSON.stringify(result.errors, null, 1));
}
