// TypeScript cells to JavaScript ones, by the `typescript` package of the sandbox: types go, what has a meaning stays.
// Imports become dynamic ones and names of a cell may be declared again, so that a cell can be run twice.
'use strict';
const { createRequire, SourceMap } = require('module');
const path = require('path');

const MAPS = 256;
const maps = new Map();
let ts = null;

/** The package: the user's in the working folder, one that npm has installed globally, Debian's. */
function compiler() {
  if (ts !== null) return ts;
  const places = [process.cwd(), '/usr/local/lib', '/usr/lib', '/usr/share/nodejs'];
  for (const place of places) {
    try {
      return (ts = createRequire(path.join(place, 'cell.js'))('typescript'));
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('there is no package typescript');
}

/** A const of what `import` would bind; `undefined` for one of types alone. */
function bindings(clause) {
  const f = ts.factory;
  const named = clause.namedBindings;
  const element = (from, to) => f.createBindingElement(undefined, from, to);
  if (named && ts.isNamespaceImport(named) && !clause.name) return named.name;
  const elements = [];
  if (clause.name) elements.push(element('default', clause.name));
  if (named && ts.isNamedImports(named)) {
    for (const one of named.elements) {
      if (!one.isTypeOnly) elements.push(element(one.propertyName, one.name));
    }
  }
  return f.createObjectBindingPattern(elements);
}

function variable(name, value) {
  const f = ts.factory;
  return f.createVariableStatement(undefined, f.createVariableDeclarationList([f.createVariableDeclaration(name, undefined, undefined, value)]));
}

function imported(statement) {
  const f = ts.factory;
  const load = (specifier) =>
    f.createAwaitExpression(f.createCallExpression(f.createToken(ts.SyntaxKind.ImportKeyword), undefined, [specifier]));
  const clause = statement.importClause;
  if (!clause) return [f.createExpressionStatement(f.createVoidExpression(load(statement.moduleSpecifier)))];
  if (clause.isTypeOnly) return [];
  const made = [variable(bindings(clause), load(statement.moduleSpecifier))];
  if (clause.name && clause.namedBindings && ts.isNamespaceImport(clause.namedBindings)) {
    made.push(variable(clause.namedBindings.name, load(statement.moduleSpecifier)));
  }
  return made;
}

function topLevel(statement) {
  const f = ts.factory;
  const bare = (node) => (node.modifiers || []).filter((it) => it.kind !== ts.SyntaxKind.ExportKeyword && it.kind !== ts.SyntaxKind.DefaultKeyword);
  if (ts.isImportDeclaration(statement)) return imported(statement);
  if (ts.isExportDeclaration(statement)) return [];
  if (ts.isExportAssignment(statement)) return [f.createExpressionStatement(statement.expression)];
  if (ts.isImportEqualsDeclaration(statement) && ts.isExternalModuleReference(statement.moduleReference)) {
    return statement.isTypeOnly ? [] : [variable(statement.name, f.createCallExpression(f.createIdentifier('require'), undefined, [statement.moduleReference.expression]))];
  }
  if (ts.isVariableStatement(statement)) {
    const list = statement.declarationList;
    const plain = (list.flags & ts.NodeFlags.BlockScoped & ~(ts.NodeFlags.Let | ts.NodeFlags.Const)) === 0;
    const using = ts.NodeFlags.Using !== undefined && (list.flags & ts.NodeFlags.Using) === ts.NodeFlags.Using;
    if (!plain || using) return [statement];
    return [f.updateVariableStatement(statement, bare(statement), f.createVariableDeclarationList(list.declarations))];
  }
  if (ts.isFunctionDeclaration(statement) && statement.name) {
    return [f.updateFunctionDeclaration(statement, bare(statement), statement.asteriskToken, statement.name, statement.typeParameters, statement.parameters, statement.type, statement.body)];
  }
  if (ts.isClassDeclaration(statement) && statement.name) {
    const ambient = bare(statement).some((it) => it.kind === ts.SyntaxKind.DeclareKeyword);
    if (ambient) return [statement];
    const modifiers = bare(statement).filter((it) => it.kind !== ts.SyntaxKind.AbstractKeyword);
    return [variable(statement.name, f.createClassExpression(modifiers, statement.name, statement.typeParameters, statement.heritageClauses, statement.members))];
  }
  if (ts.isEnumDeclaration(statement)) return [f.updateEnumDeclaration(statement, bare(statement), statement.name, statement.members)];
  if (ts.isModuleDeclaration(statement)) return [f.updateModuleDeclaration(statement, bare(statement), statement.name, statement.body)];
  return [statement];
}

const cells = (_context) => (file) => ts.factory.updateSourceFile(file, file.statements.flatMap(topLevel));
const notAModule = (_context) => (file) =>
  ts.factory.updateSourceFile(file, file.statements.filter((it) => !ts.isExportDeclaration(it)));

function translate(code, name) {
  return ts.transpileModule(code, {
    fileName: 'cell.ts',
    reportDiagnostics: true,
    transformers: { before: [cells], after: [notAModule] },
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      experimentalDecorators: /^\s*\/\/ @experimentalDecorators/m.test(code),
      sourceMap: true,
      alwaysStrict: false,
    },
  });
}

/** What the REPL can run. Throws a SyntaxError with `place`: its `line` and `column`, from 1. */
function compile(code, name) {
  compiler();
  let result = null;
  if (/^\s*{/.test(code) && !/;\s*$/.test(code)) {
    // An object, not a block, as for the REPL.
    const object = translate('(' + code.trim() + ')', name);
    if (object.diagnostics.length === 0) result = object;
  }
  if (result === null) result = translate(code, name);
  const first = result.diagnostics.find((it) => it.category === ts.DiagnosticCategory.Error);
  if (first !== undefined) {
    const at = first.file ? ts.getLineAndCharacterOfPosition(first.file, first.start || 0) : { line: 0, character: 0 };
    const error = new SyntaxError(ts.flattenDiagnosticMessageText(first.messageText, '\n'));
    error.place = { line: at.line + 1, column: at.character + 1 };
    throw error;
  }
  maps.set(name, new SourceMap(JSON.parse(result.sourceMapText)));
  if (maps.size > MAPS) maps.delete(maps.keys().next().value);
  return result.outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
}

/** Where in the cell's own text a place of what was made of it comes from. */
function origin(name, line, column) {
  const map = maps.get(name);
  const entry = map === undefined ? {} : map.findEntry(line - 1, column - 1);
  return entry.originalLine === undefined ? { line, column } : { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

module.exports = { compile, compiler, origin };
