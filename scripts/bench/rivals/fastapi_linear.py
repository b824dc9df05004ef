"""A FastAPI app around a pipeline that linear_svc has saved, as tutorials write it: `... MODEL PORT`."""

from __future__ import annotations

import sys

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Question(BaseModel):
    text: str


def main(model: str, port: str) -> None:
    pipeline, app = joblib.load(model), FastAPI()

    @app.post("/predict")
    def predict(question: Question) -> dict[str, str]:
        return {"label": str(pipeline.predict([question.text])[0])}

    uvicorn.run(app, port=int(port), log_level="critical")


if __name__ == "__main__":
    main(*sys.argv[1:])
