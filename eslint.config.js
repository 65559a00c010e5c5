import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-implicit-coercion": "error",
      "no-unused-expressions": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      "no-restricted-globals": ["error", "localStorage", "sessionStorage", "indexedDB", "caches"],
    },
  },
  { files: ["cxr/web/static/**"], languageOptions: { globals: globals.browser } },
  { files: ["tests/web/js/**"], languageOptions: { globals: globals.nodeBuiltin } },
];
