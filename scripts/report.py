"""A JUnit report of named checks, for the scripts that are no test runner."""
import xml.etree.ElementTree as xml


def write(path, suite, results):
    """results: (name, failure text or None) for each check."""
    root = xml.Element("testsuite", name=suite, tests=str(len(results)),
                       failures=str(sum(text is not None for _, text in results)))
    for name, text in results:
        case = xml.SubElement(root, "testcase", classname=suite, name=name)
        if text is not None:
            xml.SubElement(case, "failure").text = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    xml.ElementTree(root).write(path, encoding="unicode")
